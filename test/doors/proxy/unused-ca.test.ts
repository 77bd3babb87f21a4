import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import forge from "node-forge";
import { expect, it } from "vitest";
import { writeUnusedCa } from "../../../src/doors/proxy/unused-ca.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

it("the CA that is never used is one that the library can read, and nobody would trust", async () => {
  const folder = await temporaryFolder();
  await writeUnusedCa(folder);
  const pem = await readFile(join(folder, "certs", "ca.pem"), "utf8");
  const key = await readFile(join(folder, "keys", "ca.private.key"), "utf8");
  expect(forge.pki.certificateFromPem(pem).subject.getField("O").value).toBe("Never used");
  expect(forge.pki.privateKeyFromPem(key).n.bitLength()).toBe(512);
  expect(new X509Certificate(pem).ca).toBe(false);
  expect((await stat(join(folder, "keys", "ca.private.key"))).mode & 0o077).toBe(0);
});
