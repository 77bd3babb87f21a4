/**
 * http-mitm-proxy does not listen without a CA, and would spend half a second on making one. It finds
 * this one instead: too small to be of use to anybody, and never used.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { distinguishedName, signCertificate } from "./authority/certificate.ts";

/** Writes it into the folder, which may have one, in the library's own layout. */
export async function writeUnusedCa(folder: string): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 512 });
  const name = distinguishedName("Never used");
  const its = { issuer: name, subject: name, publicKey, extensions: [] };
  const certificate = signCertificate({ ...its, notBefore: 0, notAfter: 0 }, privateKey);
  const [certs, keys] = [join(folder, "certs"), join(folder, "keys")];
  await Promise.all([certs, keys].map((path) => mkdir(path, { recursive: true })));
  await Promise.all([
    writeFile(join(certs, "ca.pem"), certificate),
    writeFile(join(keys, "ca.private.key"), privateKey.export({ type: "pkcs1", format: "pem" }), {
      mode: 0o600,
    }),
    writeFile(join(keys, "ca.public.key"), publicKey.export({ type: "spki", format: "pem" })),
  ]);
}
