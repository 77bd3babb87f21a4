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
  const path = parts.certificate ?? join(parts.dataDir, "ca", "ca.crt");
  const certificate = await readCertificate(path);
  if (certificate === undefined) {
    const hint =
      parts.certificate === undefined
        ? "it is made on the first start; check DATA_DIR"
        : "check CA_CERT";
    parts.fail(`there is no certificate in ${path}; ${hint}`);
    return 1;
  }
  parts.print(what === "print" ? certificate.toString().trim() : certificate.fingerprint256);
  return 0;
}

async function readCertificate(path: string): Promise<X509Certificate | undefined> {
  try {
    const text = await readFile(path, "utf8");
    // Of a chain the last is the one that signs itself, and that is what clients trust.
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    return new X509Certificate(blocks?.at(-1) ?? text);
  } catch {
    return undefined;
  }
}
