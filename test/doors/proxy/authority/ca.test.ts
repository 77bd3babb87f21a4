import { execFileSync } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import { chmod, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DoorError } from "../../../../src/doors/door-error.ts";
import { type AuthorityOptions, openAuthority } from "../../../../src/doors/proxy/authority/ca.ts";
import { LeafIssuer } from "../../../../src/doors/proxy/authority/leaf.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";

const day = 86_400_000;
const now = () => Date.now();

describe("the CA made on the first start", () => {
  it("is an EC root that may sign leaves and nothing else", async () => {
    const folder = join(await temporaryFolder(), "ca");
    const authority = await openAuthority({ folder, now });
    const root = new X509Certificate(authority.root);
    expect(root.ca).toBe(true);
    expect(root.checkIssued(root)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(root.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(3 * 365 * day);
    const text = openssl("x509", "-noout", "-text", "-in", join(folder, "ca.crt"));
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(text).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication/);
    expect(text).toMatch(/Subject Key Identifier/);
    expect(authority.fingerprint).toBe(root.fingerprint256);
    expect(authority.chain).toBe("");
  });

  it("keeps its key for its owner's eyes, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      const folder = join(await temporaryFolder(), "ca");
      await openAuthority({ folder, now });
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
      expect((await stat(join(folder, "ca.key"))).mode & 0o777).toBe(0o600);
      expect((await readdir(folder)).sort()).toEqual(["ca.crt", "ca.key"]);
    } finally {
      process.umask(umask);
    }
  });

  it("is the same after a restart, also when the first start stopped between the two files", async () => {
    const folder = await temporaryFolder();
    const first = await openAuthority({ folder, now });
    expect((await openAuthority({ folder, now })).fingerprint).toBe(first.fingerprint);
    await rm(join(folder, "ca.crt"));
    const third = await openAuthority({ folder, now });
    expect(createPublicKey(third.key).equals(createPublicKey(first.key))).toBe(true);
  });

  it("is refused when others can read the key", async () => {
    const folder = await temporaryFolder();
    await openAuthority({ folder, now });
    await chmod(join(folder, "ca.key"), 0o640);
    await expectDoorError({ folder, now }, "KEY_EXPOSED", /mode 640.*chmod 600/);
  });

  it("is refused once it has expired", async () => {
    const folder = await temporaryFolder();
    await openAuthority({ folder, now });
    const later = () => Date.now() + 4 * 365 * day;
    await expectDoorError({ folder, now: later }, "CERTIFICATE", /has expired/);
  });

  it("with name constraints is good for the named hosts and nothing else", async () => {
    const folder = await temporaryFolder();
    const onlyFor = ["registry.example", "10.1.2.3"];
    const authority = await openAuthority({ folder, now, onlyFor });
    const leaves = new LeafIssuer({ authority, now });
    const verify = async (host: string) => {
      await writeFile(join(folder, "leaf.crt"), leaves.leafFor(host).chain);
      return openssl("verify", "-CAfile", join(folder, "ca.crt"), join(folder, "leaf.crt"));
    };
    expect(await verify("registry.example")).toMatch(/OK/);
    expect(await verify("a.registry.example")).toMatch(/OK/);
    expect(await verify("10.1.2.3")).toMatch(/OK/);
    await expect(verify("evil.example")).rejects.toThrow(/permitted subtree violation/);
    await expect(verify("10.1.2.4")).rejects.toThrow(/permitted subtree violation/);
    await expect(verify("fd00::1")).rejects.toThrow(/subtree violation/);
  });
});

describe("the operator's own CA", () => {
  it.each([
    ["an EC key", ["ecparam", "-name", "secp384r1", "-noout", "-genkey"]],
    ["an RSA key", ["genrsa", "2048"]],
    [
      "a key locked with a pass-phrase",
      ["genrsa", "-aes256", "-passout", "pass:open sesame", "2048"],
    ],
    [
      "docker-registry-proxy's key",
      ["genrsa", "-des3", "-passout", "pass:foobar", "-traditional", "2048"],
    ],
  ])("works with %s", async (name, command) => {
    const folder = await temporaryFolder();
    const [key, certificate] = [join(folder, "its.key"), join(folder, "its.crt")];
    openssl(...command.slice(0, -1), "-out", key, ...command.slice(-1));
    const pass = name.includes("docker") ? "foobar" : "open sesame";
    openssl(...selfSign(key, certificate), "-passin", `pass:${pass}`);
    await chmod(key, 0o400);
    await chmod(certificate, 0o444);
    const passphrase = name.includes("pass-phrase") ? pass : undefined;
    const own = { key, certificate };
    const authority = await openAuthority({ folder: "/nowhere", own, passphrase, now });
    const leaf = new LeafIssuer({ authority, now }).leafFor("registry.example").chain;
    await writeFile(join(folder, "leaf.crt"), leaf);
    expect(openssl("verify", "-CAfile", certificate, join(folder, "leaf.crt"))).toMatch(/OK/);
    expect(authority.root.trim()).toBe((await readFile(certificate, "utf8")).trim());
  });

  it("may be an intermediate: its leaves come with the chain, clients trust the root", async () => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    openssl("genrsa", "-out", at("root.key"), "2048");
    openssl(...selfSign(at("root.key"), at("root.crt")));
    openssl("genrsa", "-out", at("ca.key"), "2048");
    openssl("req", "-new", "-key", at("ca.key"), "-subj", "/CN=Intermediate", "-out", at("ca.csr"));
    await writeFile(at("ext"), "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n");
    const issuer = ["-CA", at("root.crt"), "-CAkey", at("root.key"), "-CAcreateserial"];
    const request = ["-req", "-in", at("ca.csr"), "-days", "30", "-extfile", at("ext")];
    openssl("x509", ...request, ...issuer, "-out", at("inter.crt"));
    const bundle =
      (await readFile(at("root.crt"), "utf8")) + (await readFile(at("inter.crt"), "utf8"));
    await writeFile(at("ca.crt"), bundle);
    await chmod(at("ca.key"), 0o600);
    const authority = await openAuthority({ folder, now });
    expect(authority.root.trim()).toBe((await readFile(at("root.crt"), "utf8")).trim());
    expect(authority.chain.match(/BEGIN/g)).toHaveLength(1);
    await writeFile(at("leaf.crt"), new LeafIssuer({ authority, now }).leafFor("a.example").chain);
    const untrusted = ["-untrusted", at("leaf.crt")];
    expect(openssl("verify", "-CAfile", at("root.crt"), ...untrusted, at("leaf.crt"))).toMatch(
      /OK/,
    );
  });

  it("is refused with a sentence when it cannot work", async () => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    const own = { key: at("a.key"), certificate: at("a.crt") };
    await expectDoorError({ folder, own, now }, "KEY", /a\.key is missing;.* as CA_KEY$/);
    openssl("genrsa", "-aes256", "-passout", "pass:right", "-out", at("a.key"), "2048");
    await chmod(at("a.key"), 0o600);
    await expectDoorError({ folder, own, now, passphrase: "wrong" }, "KEY", /CA_KEY_PASSPHRASE/);
    await expectDoorError(
      { folder, own, now, passphrase: "right" },
      "CERTIFICATE",
      /is missing;.* as CA_CERT$/,
    );
    openssl("genrsa", "-out", at("b.key"), "2048");
    openssl(...selfSign(at("b.key"), at("a.crt")));
    await expectDoorError({ folder, own, now, passphrase: "right" }, "CERTIFICATE", /belongs/);
    await writeFile(at("a.key"), "no key");
    await expectDoorError({ folder, own, now }, "KEY", /no readable private key/);
    openssl("genpkey", "-algorithm", "ed25519", "-out", at("a.key"));
    await chmod(at("a.key"), 0o600);
    await expectDoorError({ folder, own, now }, "KEY", /EC or RSA/);
    const server = ["-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(...selfSign(at("b.key"), at("c.crt"), server));
    await chmod(at("b.key"), 0o600);
    const notCa = { key: at("b.key"), certificate: at("c.crt") };
    await expectDoorError({ folder, own: notCa, now }, "CERTIFICATE", /may not sign/);
  });
});

function selfSign(
  key: string,
  certificate: string,
  extensions = ["-addext", "basicConstraints=critical,CA:TRUE"],
): string[] {
  // Odd name forms: several values in one RDN, a T61 string, characters outside ASCII.
  const subject = "/C=NL/ST=Noord Holland/O=Büro+OU=IT/CN=Own CA";
  const flags = ["-days", "1300", "-sha256", "-utf8", "-multivalue-rdn", "-subj", subject];
  return ["req", "-new", "-x509", "-key", key, "-out", certificate, ...flags, ...extensions];
}

function openssl(...args: readonly string[]): string {
  return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

async function expectDoorError(
  options: AuthorityOptions,
  code: DoorError["code"],
  message: RegExp,
): Promise<void> {
  const error = await openAuthority(options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DoorError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
}
