import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AcmeFolder, newKey } from "../../../../src/doors/tls/acme/acme-folder.ts";
import { namesOf } from "../../../../src/doors/tls/key-pair.ts";
import { makeCertificate } from "../../../support/certificates.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";

const directory = "https://acme.example/directory";

async function open(path?: string, from = directory) {
  const at = path ?? join(await temporaryFolder(), "acme");
  return { at, folder: await AcmeFolder.open(at, from) };
}

describe("what is kept of an ACME service", () => {
  it("is one account for each service", async () => {
    const { at, folder } = await open();
    const key = await folder.accountKey();
    expect(await (await open(at)).folder.accountKey()).toBe(key);
    expect(await (await open(at, "https://other.example")).folder.accountKey()).not.toBe(key);
  });

  it("is the certificate with its key, over a restart", async () => {
    const { at, folder } = await open();
    expect(await folder.certificate()).toBeUndefined();
    const { cert, key, ca } = makeCertificate(["a.example"]);
    await folder.keep(cert + ca, key);
    const kept = await (await open(at)).folder.certificate();
    expect(kept && [namesOf(kept), kept.chainLength]).toEqual(["a.example", 2]);
  });

  it("is for its owner alone", async () => {
    const { at, folder } = await open();
    const { cert, key } = makeCertificate(["a.example"]);
    await folder.accountKey();
    await folder.keep(cert, key);
    expect((await stat(at)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(at)) {
      expect([name, (await stat(join(at, name))).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it("stays as it is when what the service sent is not the key's", async () => {
    const { at, folder } = await open();
    const { cert, key } = makeCertificate(["a.example"]);
    await folder.keep(cert, key);
    const before = await readFile(join(at, "certificate.pem"), "utf8");
    await expect(folder.keep(cert, newKey())).rejects.toThrow(/not the certificate's/);
    expect(await readFile(join(at, "certificate.pem"), "utf8")).toBe(before);
  });

  it("counts as nothing when it is damaged", async () => {
    const { at, folder } = await open();
    await writeFile(join(at, "certificate.pem"), "half a certif");
    expect(await folder.certificate()).toBeUndefined();
  });

  it("in a folder that cannot be made stops the start", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "");
    await expect(AcmeFolder.open(join(file, "acme"), directory)).rejects.toThrow(
      /cannot be read or written/,
    );
  });
});
