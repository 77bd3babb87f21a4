import { X509Certificate } from "node:crypto";
import { chmod, chown, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { DoorEvent } from "../../../src/doors/door-event.ts";
import { CertificateFiles } from "../../../src/doors/tls/certificate-files.ts";
import { type KeyPair, namesOf } from "../../../src/doors/tls/key-pair.ts";
import { type Authority, makeAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

let authority: Authority;
beforeAll(() => {
  authority = makeAuthority();
});

describe("certificates of the operator's own", () => {
  it("are a file and its key", async () => {
    const folder = await temporaryFolder();
    await writePair(folder, ["a.example"]);
    const { files } = await open(join(folder, "cert.pem"), join(folder, "key.pem"));
    expect(files.pairs().map(namesOf)).toEqual(["a.example"]);
  });

  it("are a file that holds its key", async () => {
    const folder = await temporaryFolder();
    const { cert, key } = authority.issue(["a.example"]);
    await writeFile(join(folder, "both.pem"), key + cert);
    const { files } = await open(join(folder, "both.pem"));
    expect(files.pairs().map(namesOf)).toEqual(["a.example"]);
  });

  it("are a folder with cert.pem and key.pem, which come first, and other pairs", async () => {
    const folder = await temporaryFolder();
    const other = authority.issue(["b.example"]);
    await writeFile(join(folder, "b.crt"), other.cert);
    await writeFile(join(folder, "b.key"), other.key);
    await writeFile(join(folder, "README"), "not PEM");
    await writeFile(join(folder, "ca.crt"), authority.ca);
    await writePair(join(folder, "live", "c.example"), ["c.example"]);
    await writePair(folder, ["z.example"]);
    const { files } = await open(folder);
    expect(files.pairs().map(namesOf)).toEqual(["z.example", "b.example", "c.example"]);
  });

  it("as certbot lays them out come with their chain", async () => {
    const folder = await temporaryFolder();
    const { cert, key, ca } = authority.issue(["a.example"]);
    await writeFile(join(folder, "cert.pem"), cert);
    await writeFile(join(folder, "chain.pem"), ca);
    await writeFile(join(folder, "fullchain.pem"), cert + ca);
    await writeFile(join(folder, "privkey.pem"), key);
    const { files } = await open(folder);
    expect(files.pairs().map((pair) => [namesOf(pair), pair.chainLength])).toEqual([
      ["a.example", 2],
    ]);
  });

  it.each([
    ["that are not there", async () => undefined, /nowhere cannot be read/],
    ["without a key", async (at: string) => writeFile(at, authority.ca), /TLS_KEY/],
    ["that are none", async (at: string) => writeFile(at, "hello"), /no certificate/],
    ["in an empty folder", async (at: string) => mkdir(at), /no certificate/],
    [
      "with somebody else's key",
      async (at: string) => {
        await mkdir(at);
        await writeFile(join(at, "cert.pem"), authority.issue(["a"]).cert);
        await writeFile(join(at, "key.pem"), makeAuthority("Another").issue(["b"]).key);
      },
      /cert\.pem is not the certificate's/,
    ],
  ])("%s stop the start with a sentence", async (_what, make, sentence) => {
    const path = join(await temporaryFolder(), "nowhere");
    await make(path);
    await expect(open(path)).rejects.toThrow(sentence);
  });
});

describe("files that change", () => {
  it("are taken up without a restart", async () => {
    const folder = await temporaryFolder();
    await writePair(folder, ["old.example"]);
    const { files, events } = await open(folder, undefined, 10);
    await writePair(folder, ["new.example"]);
    await eventually(() => files.pairs().map(namesOf).join() === "new.example");
    expect(events).toContainEqual(
      expect.objectContaining({ kind: "certificateTaken", names: "new.example" }),
    );
  });

  it("behind a symbolic link that is swapped are taken up too", async () => {
    const folder = await temporaryFolder();
    await writePair(join(folder, "1"), ["old.example"]);
    await writePair(join(folder, "2"), ["new.example"]);
    await symlink("1", join(folder, "live"));
    const { files } = await open(join(folder, "live"));
    await symlink("2", join(folder, "next"));
    await rename(join(folder, "next"), join(folder, "live"));
    await files.look();
    expect(files.pairs().map(namesOf)).toEqual(["new.example"]);
  });

  it("and are broken are told of once; what was there serves on until they are whole", async () => {
    const folder = await temporaryFolder();
    await writePair(folder, ["old.example"]);
    const { files, events } = await open(folder);
    // One authority gives all its leaves the same key.
    const { cert, key } = makeAuthority("Another").issue(["new.example"]);
    await writeFile(join(folder, "cert.pem"), cert);
    await files.look();
    await files.look();
    expect(files.pairs().map(namesOf)).toEqual(["old.example"]);
    expect(events.map(({ kind }) => kind)).toEqual(["certificateFailed"]);
    await writeFile(join(folder, "key.pem"), key);
    await files.look();
    expect(files.pairs().map(namesOf)).toEqual(["new.example"]);
  });
});

describe("one of several pairs", () => {
  it("whose certificate comes before its key serves on with the old one until the key is there", async () => {
    const { folder, files, events } = await twoPairs();
    const before = files.pairs();
    const renewed = makeAuthority("Another").issue(["b.example"]);
    await writeFile(join(folder, "b.crt"), renewed.cert);
    await files.look();
    expect(files.pairs()).toEqual(before);
    expect(events).toMatchObject([
      { kind: "certificateFailed", cause: { message: expect.stringMatching(/b\.crt/) } },
    ]);
    await writeFile(join(folder, "b.key"), renewed.key);
    await files.look();
    expect(files.pairs().map(serialOf)).toEqual([serialOf(before[0]), serialOf(renewed.cert)]);
  });

  it("whose key comes before its certificate serves on with the old one", async () => {
    const { folder, files } = await twoPairs();
    const before = files.pairs();
    const renewed = makeAuthority("Another").issue(["b.example"]);
    await writeFile(join(folder, "b.key"), renewed.key);
    await files.look();
    expect(files.pairs()).toEqual(before);
    await writeFile(join(folder, "b.crt"), renewed.cert);
    await files.look();
    expect(files.pairs().map(serialOf)).toEqual([serialOf(before[0]), serialOf(renewed.cert)]);
  });

  it.each([
    ["half written", (cert: string) => cert.slice(0, cert.length / 2)],
    ["garbled", (cert: string) => cert.replace(/MII[\s\S]{40}/, "MIIbroken")],
  ])("that is %s keeps no other from being renewed", async (_what, broken) => {
    const { folder, files, events } = await twoPairs();
    const [, second] = files.pairs();
    const own = makeAuthority("Another").issue(["b.example"]);
    const renewed = makeAuthority("Third").issue(["a.example"]);
    await writeFile(join(folder, "b.crt"), broken(own.cert));
    await writeFile(join(folder, "cert.pem"), renewed.cert);
    await writeFile(join(folder, "key.pem"), renewed.key);
    await files.look();
    expect(files.pairs().map(serialOf)).toEqual([serialOf(renewed.cert), serialOf(second)]);
    expect(events.map(({ kind }) => kind).sort()).toEqual([
      "certificateFailed",
      "certificateTaken",
    ]);
  });

  it("that is taken away is served no more", async () => {
    const { folder, files } = await twoPairs();
    await rm(join(folder, "b.crt"));
    await files.look();
    expect(files.pairs().map(namesOf)).toEqual(["a.example"]);
  });

  it("behind a link that leads nowhere keeps no other from being renewed", async () => {
    const { folder, files } = await twoPairs();
    await symlink("gone.pem", join(folder, "z.pem"));
    await writePair(folder, ["new.example"]);
    await files.look();
    expect(files.pairs().map(namesOf)).toEqual(["new.example", "b.example"]);
  });
});

it.skipIf(process.getuid?.() === 0 && process.seteuid === undefined)(
  "a key that could not be read is taken up once it can, though nothing in it changes",
  async () => {
    const folder = await temporaryFolder();
    await writePair(folder, ["old.example"]);
    const { files, events } = await open(join(folder, "cert.pem"), join(folder, "key.pem"));
    const { cert, key } = makeAuthority("Another").issue(["new.example"]);
    await writeFile(join(folder, "cert.pem"), cert);
    await writeFile(join(folder, "key.pem"), key);
    await asNobody(folder, async () => {
      await chmod(join(folder, "key.pem"), 0);
      await files.look();
      await files.look();
      expect(files.pairs().map(namesOf)).toEqual(["old.example"]);
      expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(["certificateFailed"]));
      const told = events.length;
      await files.look();
      expect(events).toHaveLength(told);
      await chmod(join(folder, "key.pem"), 0o600);
      await files.look();
      expect(files.pairs().map(namesOf)).toEqual(["new.example"]);
    });
  },
);

/** Root may read everything. */
async function asNobody(folder: string, work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  for (const path of [folder, ...(await readdir(folder)).map((name) => join(folder, name))]) {
    await chown(path, 65_534, 65_534);
  }
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

function serialOf(of: KeyPair | string | undefined): string | undefined {
  return typeof of === "string" ? new X509Certificate(of).serialNumber : of?.leaf.serialNumber;
}

async function twoPairs() {
  const folder = await temporaryFolder();
  const other = makeAuthority("Other").issue(["b.example"]);
  await writePair(folder, ["a.example"]);
  await writeFile(join(folder, "b.crt"), other.cert);
  await writeFile(join(folder, "b.key"), other.key);
  return { folder, ...(await open(folder)) };
}

async function writePair(folder: string, names: readonly string[]): Promise<void> {
  const { cert, key } = authority.issue(names);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "cert.pem"), cert);
  await writeFile(join(folder, "key.pem"), key);
}

async function open(certificate: string, key?: string, interval = 60_000) {
  const events: DoorEvent[] = [];
  const observe = (event: DoorEvent) => void events.push(event);
  const files = await CertificateFiles.open({ certificate, key, interval, observe });
  onTestFinished(() => files.close());
  return { files, events };
}
