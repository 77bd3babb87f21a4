import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  createKeyFile,
  makeKeyFolder,
  readCertificateFile,
  readKeyFile,
  writeCertificateFile,
} from "../../../../src/doors/proxy/authority/key-files.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";

it("a key is written once, for its owner alone, and read back", async () => {
  const path = join(await temporaryFolder(), "ca.key");
  await createKeyFile(path, "first");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(createKeyFile(path, "second")).rejects.toMatchObject({ code: "IO" });
  expect(await readKeyFile(path)).toBe("first");
});

it.each([0o640, 0o604, 0o660, 0o644, 0o777])("a key of mode %o is not used", async (mode) => {
  const path = join(await temporaryFolder(), "ca.key");
  await writeFile(path, "CANARY-key");
  await chmod(path, mode);
  await expect(readKeyFile(path)).rejects.toMatchObject({ code: "KEY_EXPOSED" });
  await expect(readKeyFile(path)).rejects.not.toThrow(/CANARY/);
});

it.each([0o600, 0o400])("a key of mode %o is", async (mode) => {
  const path = join(await temporaryFolder(), "ca.key");
  await writeFile(path, "key");
  await chmod(path, mode);
  expect(await readKeyFile(path)).toBe("key");
});

it("a file that is not there is undefined, one that cannot be read is a sentence", async () => {
  const folder = await temporaryFolder();
  expect(await readKeyFile(join(folder, "none"))).toBeUndefined();
  expect(await readCertificateFile(join(folder, "none", "none"))).toBeUndefined();
  await mkdir(join(folder, "folder"));
  await expect(readCertificateFile(join(folder, "folder"))).rejects.toMatchObject({
    code: "IO",
    message: expect.stringMatching(/folder cannot be read \(EISDIR\)/),
  });
});

it("a certificate is replaced whole, and leaves no draft", async () => {
  const folder = await temporaryFolder();
  await writeCertificateFile(join(folder, "ca.crt"), "one");
  await writeCertificateFile(join(folder, "ca.crt"), "two");
  expect(await readFile(join(folder, "ca.crt"), "utf8")).toBe("two");
  expect(await readdir(folder)).toEqual(["ca.crt"]);
});

it("the folder is for its owner alone, also when it was there", async () => {
  const folder = join(await temporaryFolder(), "deep", "ca");
  await makeKeyFolder(folder);
  await chmod(folder, 0o755);
  await makeKeyFolder(folder);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});
