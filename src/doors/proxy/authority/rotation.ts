/**
 * One CA after the other, without a moment at which clients trust the wrong one: the next is made and
 * given out beside the one that signs, and takes its place only when told. A crash at any point leaves
 * one that works.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DoorError } from "../../door-error.ts";
import { type Authority, type AuthorityOptions, openAuthority } from "./ca.ts";
import { readCertificateFile, writeCertificateFile } from "./key-files.ts";

type Options = Omit<AuthorityOptions, "own" | "name" | "passphrase">;

/** Makes the next one, or gives the one that waits. Throws DoorError. */
export function openNextAuthority(options: Options): Promise<Authority> {
  return openAuthority({ ...options, name: "next" });
}

/** From the next start on the next one signs, and the one before is no more. Throws DoorError. */
export async function switchAuthority(options: Options): Promise<Authority> {
  const { folder } = options;
  const { root, next } = await openAuthority(options);
  if (next === undefined) {
    throw new DoorError("CERTIFICATE", "there is no next CA yet; entrepot ca rotate makes it");
  }
  const [certificate, key] = [join(folder, "ca.crt"), join(folder, "ca.key")];
  // Whose key there is decides which of the two signs.
  await writeCertificateFile(certificate, next.root + root);
  await rename(join(folder, "next.key"), key);
  await writeCertificateFile(
    certificate,
    (await readCertificateFile(join(folder, "next.crt"))) ?? "",
  );
  await rm(join(folder, "next.crt"), { force: true });
  return await openAuthority(options);
}
