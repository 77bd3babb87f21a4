import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AcmeFolder, newKey } from "../../../../src/doors/tls/acme/acme-folder.ts";
import { keysIn, namesOf } from "../../../../src/doors/tls/key-pair.ts";
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

  it("is one account though all names begin at once", async () => {
    const { folder } = await open();
    const keys = await Promise.all(Array.from({ length: 8 }, () => folder.accountKey()));
    expect(new Set(keys).size).toBe(1);
  });

  it("is the certificate with its key, over a restart", async () => {
    const { at, folder } = await open();
    expect(await folder.certificate("a.example")).toBeUndefined();
    const { cert, key, ca } = makeCertificate(["a.example"]);
    await folder.keep("a.example", cert + ca, key);
    const kept = await (await open(at)).folder.certificate("a.example");
    expect(kept && [namesOf(kept.pair), kept.pair.chainLength]).toEqual(["a.example", 2]);
    expect(kept?.isOfThisService).toBe(true);
  });

  it("tells the certificate of another service, which serves on, from one of this", async () => {
    const { at, folder } = await open();
    const { cert, key } = makeCertificate(["a.example"]);
    await folder.keep("a.example", cert, key);
    const kept = await (await open(at, "https://other.example")).folder.certificate("a.example");
    expect(kept && [namesOf(kept.pair), kept.isOfThisService]).toEqual(["a.example", false]);
  });

  it.each(["", "half a key", newKey().slice(0, 80)])(
    "is another account when the key of the first is damaged: %j",
    async (damaged) => {
      const { at, folder } = await open();
      await folder.accountKey();
      const [file = ""] = await readdir(at);
      await writeFile(join(at, file), damaged);
      const key = await folder.accountKey();
      expect(keysIn(key)).toHaveLength(1);
      expect(await folder.accountKey()).toBe(key);
    },
  );

  it("is one certificate for each name, and the one for all that was there before", async () => {
    const { at, folder } = await open();
    const all = makeCertificate(["a.example", "*.b.example"]);
    await writeFile(join(at, "certificate.pem"), all.cert + all.key);
    const own = makeCertificate(["a.example"]);
    await folder.keep("a.example", own.cert, own.key);
    const names = async (name: string) => {
      const kept = await folder.certificate(name);
      return kept && namesOf(kept.pair);
    };
    expect(await names("a.example")).toBe("a.example");
    expect(await names("*.b.example")).toBe("a.example, *.b.example");
    expect(await names("c.example")).toBeUndefined();
  });

  it("is for its owner alone", async () => {
    const { at, folder } = await open();
    const { cert, key } = makeCertificate(["a.example"]);
    await folder.accountKey();
    await folder.keep("a.example", cert, key);
    expect((await stat(at)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(at)) {
      expect([name, (await stat(join(at, name))).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it("stays as it is when what the service sent is not the key's", async () => {
    const { at, folder } = await open();
    const { cert, key } = makeCertificate(["a.example"]);
    await folder.keep("a.example", cert, key);
    const before = await readFile(join(at, "certificate-a.example.pem"), "utf8");
    await expect(folder.keep("a.example", cert, newKey())).rejects.toThrow(/not the certificate's/);
    expect(await readFile(join(at, "certificate-a.example.pem"), "utf8")).toBe(before);
  });

  it("counts as nothing when it is damaged", async () => {
    const { at, folder } = await open();
    await writeFile(join(at, "certificate-a.example.pem"), "half a certif");
    expect(await folder.certificate("a.example")).toBeUndefined();
  });

  it("in a folder that cannot be made stops the start", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "");
    await expect(AcmeFolder.open(join(file, "acme"), directory)).rejects.toThrow(
      /cannot be read or written/,
    );
  });
});
