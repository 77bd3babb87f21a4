/** `entrepot ca show`, `fingerprint` and `print`: the certificate that clients have to trust. */
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

export type CaView = "show" | "fingerprint" | "print";

/** Resolves with the exit code. */
export async function showCa(what: CaView, parts: CaParts): Promise<number> {
  const { certificate: own, dataDir, print, fail } = parts;
  const path = own ?? caPath(dataDir);
  try {
    const { certificate, next } = await readCa(own, dataDir);
    if (what === "fingerprint") print(certificate.fingerprint256);
    if (what === "print") print([certificate, ...(next ? [next] : [])].join("").trim());
    if (what === "show") for (const line of linesOf(path, certificate, next)) print(line);
    return 0;
  } catch (error) {
    fail(whyNoCa(error, path, own === undefined));
    return 1;
  }
}

/** CA_CERT, or else what the data folder has, with the one that is to take its place. Throws what `whyNoCa` explains. */
export async function readCa(
  own: string | undefined,
  dataDir: string,
): Promise<{ readonly certificate: X509Certificate; readonly next: X509Certificate | undefined }> {
  const certificate = read(await readFile(own ?? caPath(dataDir), "utf8"));
  return { certificate, next: own === undefined ? await nextIn(dataDir) : undefined };
}

export function caPath(dataDir: string): string {
  return join(dataDir, "ca", "ca.crt");
}

/** The one that waits to take its place. */
async function nextIn(dataDir: string): Promise<X509Certificate | undefined> {
  const text = await readFile(join(dataDir, "ca", "next.crt"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : read(text);
}

function linesOf(
  path: string,
  certificate: X509Certificate,
  next: X509Certificate | undefined,
): readonly string[] {
  const about = ({ subject, fingerprint256, validToDate }: X509Certificate) => [
    `  subject      ${subject.split("\n").join(", ")}`,
    `  fingerprint  ${fingerprint256}`,
    `  good until   ${validToDate.toISOString().slice(0, 10)}`,
  ];
  if (next === undefined) return [path, ...about(certificate)];
  const waits = "The next one, which clients are to trust already (entrepot ca rotate --switch):";
  return [path, ...about(certificate), waits, ...about(next)];
}

/** Of a chain the last is the one that signs itself, and that is what clients trust. */
function read(text: string): X509Certificate {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return new X509Certificate(blocks?.at(-1) ?? text);
}

export function whyNoCa(error: unknown, path: string, isMadeHere: boolean): string {
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
