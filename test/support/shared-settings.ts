/** What shared records need beside their address: keys that all who share them have. */
import { execFileSync } from "node:child_process";
import { chmod } from "node:fs/promises";
import { join } from "node:path";

type InFolder = { readonly folder: string };

export async function sharedSettings({ folder }: InFolder): Promise<Record<string, string>> {
  const [cert, key] = [join(folder, "own-ca.crt"), join(folder, "own-ca.key")];
  const subject = ["-subj", "/CN=own", "-days", "30", "-keyout", key, "-out", cert];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject], { stdio: "ignore" });
  await chmod(key, 0o600);
  return { CA_CERT: cert, CA_KEY: key, TOKEN_SECRET: "CANARY-token-secret" };
}
