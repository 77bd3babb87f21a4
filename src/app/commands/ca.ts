/** `entrepot ca fingerprint` and `entrepot ca print`: the certificate clients have to trust. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type CaParts = {
  /** CA_CERT, if it is set. */
  readonly certificate: string | undefined;
  readonly dataDir: string;
  readonly print: (text: string) => void;
  readonly fail: (sentence: string) => void;
};

/** Resolves with the exit code. */
export async function showCa(what: "fingerprint" | "print", parts: CaParts): Promise<number> {
  const { certificate: own, dataDir, print, fail } = parts;
  const path = own ?? join(dataDir, "ca", "ca.crt");
  try {
    const certificate = read(await readFile(path, "utf8"));
    print(what === "print" ? certificate.toString().trim() : certificate.fingerprint256);
    return 0;
  } catch (error) {
    fail(sentence(error, path, own === undefined));
    return 1;
  }
}

/** Of a chain the last is the one that signs itself, and that is what clients trust. */
function read(text: string): X509Certificate {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return new X509Certificate(blocks?.at(-1) ?? text);
}

function sentence(error: unknown, path: string, isMadeHere: boolean): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) {
    return isMadeHere
      ? `${path} holds no certificate; move the folder it is in away, and the next start makes a new one`
      : `${path} holds no certificate; write the path of a PEM file as CA_CERT`;
  }
  if (code !== "ENOENT" && code !== "ENOTDIR") {
    return `${path} cannot be read (${code}); ask as the user that Entrepot runs as`;
  }
  return isMadeHere
    ? `there is no ${path}; it is made on the first start, in the DATA_DIR that start has`
    : `there is no ${path}; write the path of the certificate as CA_CERT`;
}
