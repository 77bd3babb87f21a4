/** What OpenSSL itself thinks of our certificates and of operators' own, made by its command line. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DoorError } from "../../src/doors/door-error.ts";
import { type AuthorityOptions, openAuthority } from "../../src/doors/proxy/authority/ca.ts";
import { LeafIssuer } from "../../src/doors/proxy/authority/leaf.ts";
import { openDoor } from "../doors/open-door.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const now = () => Date.now();
const long = `${"a".repeat(60)}.registry.example`;

describe("the CA made on the first start", () => {
  it("may sign leaves and nothing else", async () => {
    const folder = await temporaryFolder();
    await openAuthority({ folder, now });
    const text = openssl("x509", "-noout", "-text", "-in", join(folder, "ca.crt"));
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(text).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication/);
    expect(text).toMatch(/Subject Key Identifier/);
  });

  it("with name constraints is good for the named hosts and nothing else", async () => {
    const folder = await temporaryFolder();
    const onlyFor = ["registry.example", "10.1.2.3"];
    const authority = await openAuthority({ folder, now, onlyFor });
    const leaves = new LeafIssuer({ authority, now });
    const verify = async (host: string) => {
      await writeFile(join(folder, "leaf.crt"), leaves.chainFor(host));
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

describe("a leaf certificate", () => {
  it.each(["registry.example", "xn--bcher-kva.example", long, "10.99.0.1", "fd00::1"])(
    "for %s satisfies OpenSSL",
    async (host) => {
      const { leaves, folder } = await makeLeaves();
      await writeFile(join(folder, "leaf.crt"), leaves.chainFor(host));
      const kind = isIP(host) === 0 ? "-verify_hostname" : "-verify_ip";
      const check = ["-x509_strict", "-purpose", "sslserver", kind, host];
      const files = ["-CAfile", join(folder, "ca.crt"), join(folder, "leaf.crt")];
      expect(openssl("verify", ...check, ...files)).toMatch(/OK/);
    },
  );

  it("is for a server alone, and names its issuer's key", async () => {
    const { leaves, folder } = await makeLeaves();
    await writeFile(join(folder, "leaf.crt"), leaves.chainFor("10.99.0.1"));
    const text = openssl("x509", "-noout", "-text", "-in", join(folder, "leaf.crt"));
    expect(text).toMatch(/IP Address:10\.99\.0\.1\n/);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(text).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication\n/);
    const identifier = /Authority Key Identifier:\s+(?:keyid:)?([0-9A-F:]+)\n/.exec(text)?.[1];
    const its = openssl(
      "x509",
      "-noout",
      "-ext",
      "subjectKeyIdentifier",
      "-in",
      join(folder, "ca.crt"),
    );
    expect(its).toContain(identifier);
  });
});

describe("CONNECT to a registry", () => {
  it("by a client that does not trust the CA is told as its failed handshake", async () => {
    const { port, events } = await openDoor();
    const asked = ["-proxy", `127.0.0.1:${port}`, "-connect", "registry.test:443"];
    const client = spawn("openssl", ["s_client", ...asked, "-verify_return_error"]);
    await once(client, "close");
    await eventually(() =>
      expect(events).toMatchObject([
        { kind: "handshakeFailed", reason: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" },
      ]),
    );
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
    const leaf = new LeafIssuer({ authority, now }).chainFor("registry.example");
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
    await writeFile(at("leaf.crt"), new LeafIssuer({ authority, now }).chainFor("a.example"));
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

async function makeLeaves() {
  const folder = await temporaryFolder();
  const authority = await openAuthority({ folder, now });
  return { folder, leaves: new LeafIssuer({ authority, now }) };
}

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
