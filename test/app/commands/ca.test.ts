import { X509Certificate } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { showCa } from "../../../src/app/commands/ca.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

async function show(what: "print" | "fingerprint", dataDir: string, certificate?: string) {
  const printed: string[] = [];
  const failed: string[] = [];
  const print = (text: string) => void printed.push(text);
  const fail = (text: string) => void failed.push(text);
  const code = await showCa(what, { certificate, dataDir, print, fail });
  return { code, printed, failed };
}

describe("entrepot ca", () => {
  const pem = makeCertificate(["ca.lan"]).cert;

  it("prints the certificate of the data folder, or its fingerprint", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "ca"));
    await writeFile(join(folder, "ca", "ca.crt"), pem);
    const fingerprint = new X509Certificate(pem).fingerprint256;
    expect(await show("fingerprint", folder)).toEqual({
      code: 0,
      printed: [fingerprint],
      failed: [],
    });
    const { printed } = await show("print", folder);
    expect(new X509Certificate(printed[0] ?? "").fingerprint256).toBe(fingerprint);
  });

  it("prefers an own one, and of a chain its root", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "chain.pem");
    await writeFile(path, `${makeCertificate(["leaf.lan"]).cert}\n${pem}`);
    const { printed } = await show("fingerprint", "/nowhere", path);
    expect(printed).toEqual([new X509Certificate(pem).fingerprint256]);
  });

  it("says when there is none yet", async () => {
    const folder = await temporaryFolder();
    expect(await show("print", folder)).toEqual({
      code: 1,
      printed: [],
      failed: [
        `there is no ${folder}/ca/ca.crt; it is made on the first start, in the DATA_DIR that start has`,
      ],
    });
    const own = await show("print", folder, join(folder, "none.crt"));
    expect(own.failed).toEqual([
      `there is no ${folder}/none.crt; write the path of the certificate as CA_CERT`,
    ]);
  });

  it("says of a file that it is no certificate, or cannot be read", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "ca"));
    const file = join(folder, "ca", "ca.crt");
    await writeFile(file, "hello");
    expect((await show("print", folder)).failed).toEqual([
      `${file} holds no certificate; move the folder it is in away, and the next start makes a new one`,
    ]);
    expect((await show("print", folder, file)).failed).toEqual([
      `${file} holds no certificate; write the path of a PEM file as CA_CERT`,
    ]);
    expect((await show("print", folder, folder)).failed).toEqual([
      `${folder} cannot be read (EISDIR); ask as the user that Entrepot runs as`,
    ]);
  });
});
