/** The secret that our own tokens and the marks in our records are signed with; made once, kept 0600. */
import { hkdfSync, randomBytes } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One key for each use, so that none can stand in for another. */
export type Secrets = {
  readonly tokens: Uint8Array;
  readonly credentials: Uint8Array;
  readonly visibility: Uint8Array;
  readonly hosted: Uint8Array;
};

/** TOKEN_SECRET, or the one in `folder`, which is made on the first start. */
export async function openSecrets(folder: string, given: string | undefined): Promise<Secrets> {
  const secret = given === undefined ? await keptSecret(join(folder, "token.secret")) : given;
  const key = (use: string) => new Uint8Array(hkdfSync("sha256", secret, "entrepot", use, 32));
  return {
    tokens: key("tokens"),
    credentials: key("credentials"),
    visibility: key("visibility"),
    hosted: key("hosted"),
  };
}

async function keptSecret(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      const secret = randomBytes(32);
      await file.writeFile(secret);
      await file.sync();
      return secret;
    } finally {
      await file.close();
    }
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isThere) throw error;
    return readFile(path);
  }
}
