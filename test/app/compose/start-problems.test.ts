import { generateKeyPairSync } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startProblems } from "../../../src/app/compose/start-problems.ts";
import { openAuthority } from "../../../src/doors/proxy/authority/ca.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { settingsWith } from "./composing.ts";

const { cert, key } = makeCertificate(["reg.lan"]);
const other = makeCertificate(["reg.lan"]).key;
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const otherCaKey = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** A folder with these files and a CA in `ca`; the settings' values may hold `@` for it. */
async function problems(
  files: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const folder = await temporaryFolder();
  await openAuthority({ folder: join(folder, "ca"), now: Date.now });
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
  await mkdir(join(folder, "empty"));
  const values = Object.entries({ DATA_DIR: "@/data", ...settings });
  const found = await startProblems(
    await settingsWith(
      Object.fromEntries(values.map(([name, value]) => [name, value.replaceAll("@", folder)])),
    ),
    Date.now,
  );
  expect(await readdir(folder)).not.toContain("data");
  return found.map((each) => each.replaceAll(folder, "@"));
}

describe("before a start", () => {
  it.each<[string, Record<string, string>, Record<string, string>, RegExp]>([
    ["a TLS_CERT that is not there", {}, { TLS_CERT: "@/no.pem" }, /^TLS_CERT names @\/no.pem/],
    [
      "a TLS_CERT without a certificate",
      { "cert.pem": "hello", "key.pem": key },
      { TLS_CERT: "@/cert.pem", TLS_KEY: "@/key.pem" },
      /certificate/,
    ],
    ["a TLS_CERT that is an empty folder", {}, { TLS_CERT: "@/empty" }, /certificate/],
    [
      "a TLS_KEY that is another certificate's",
      { "cert.pem": cert, "key.pem": other },
      { TLS_CERT: "@/cert.pem", TLS_KEY: "@/key.pem" },
      /the two have to be a pair/,
    ],
    [
      "a CA_KEY that is another CA's",
      { "ca.key": otherCaKey },
      { CA_CERT: "@/ca/ca.crt", CA_KEY: "@/ca.key" },
      /the two have to be a pair/,
    ],
    [
      "a DATA_DIR of others",
      {},
      { DATA_DIR: "/etc" },
      /DATA_DIR cannot be used: \/etc holds files/,
    ],
    ["a DATA_DIR that is a file", { file: "" }, { DATA_DIR: "@/file" }, /@\/file is a file; use a/],
    ["a DATA_DIR below a file", { file: "" }, { DATA_DIR: "@/file/a/b" }, /lies below a file/],
    [
      "a DATA_DIR of another format",
      { VERSION: "99" },
      { DATA_DIR: "@" },
      /holds format 99, and this version reads/,
    ],
  ])("%s is told of in a sentence", async (_what, files, settings, sentence) => {
    const tls = "TLS_CERT" in settings ? { TLS_PORT: "8443" } : {};
    expect(await problems(files, { ...tls, ...settings })).toEqual([
      expect.stringMatching(sentence),
    ]);
  });

  it("nothing is said of what can be used, and nothing is made", async () => {
    const files = { "cert.pem": cert, "key.pem": key };
    const tls = { TLS_PORT: "8443", TLS_CERT: "@/cert.pem", TLS_KEY: "@/key.pem" };
    const ca = { CA_CERT: "@/ca/ca.crt", CA_KEY: "@/ca/ca.key" };
    expect(await problems(files, { ...tls, ...ca })).toEqual([]);
  });
});
