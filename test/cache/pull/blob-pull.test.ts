/** Blobs: cold ranges, who shares a download, blobs in doubt. */

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Content } from "../../../src/cache/content.ts";
import { VerifyingReads } from "../../../src/download/verifying-reads.ts";
import type { Digest } from "../../../src/protocol/digest.ts";
import { parseRange } from "../../../src/protocol/http/range.ts";
import { ociManifest } from "../../../src/protocol/media-type.ts";
import type { Access, RegistryRequest } from "../../../src/upstream/registry-client.ts";
import { eventually } from "../../support/eventually.ts";
import { noBooks } from "../../support/no-books.ts";
import {
  anonymous,
  bodyOf,
  contentOf,
  House,
  login,
  none,
  shared,
  statusOf,
} from "../support/house.ts";
import { readAll } from "../support/pulling.ts";
import { everybody, members, type Repository, respond } from "../support/registries.ts";

const ref = "docker.io/library/big";
const size = 2 * 1024 * 1024;
const bytes = Buffer.alloc(size, "entrepot ");

let house: House;
let repository: Repository;
let name: string;

beforeEach(async () => {
  house = new House();
  repository = house.upstream.repository("docker.io", "library/big");
  repository.addImage("1", "big");
  name = `${ref}@${repository.addBlob(bytes)}`;
  await house.manifest(`${ref}:1`);
  house.upstream.forget();
});
afterEach(() => house.close());

const kept = () => eventually(() => expect(house.usage.total).toBeGreaterThan(size));
/** What is read of it from there on, and closed. */
async function partOf({ source }: Content, from: number, length: number): Promise<Buffer> {
  try {
    return await readAll(source, { from, to: from + length });
  } finally {
    await source.close();
  }
}

const ranges = () =>
  house.upstream.seen.map(({ method, headers }) => `${method} ${headers.get("range") ?? "whole"}`);

it("a cold blob begins although nothing is heard of who holds it", async () => {
  const get = house.records.get.bind(house.records);
  const unheard = Promise.withResolvers<undefined>();
  house.records.get = (key) => (key.startsWith("held/") ? unheard.promise : get(key));
  const { source } = contentOf(await house.blob(name));
  expect(await partOf({ source } as Content, 0, 1_000)).toEqual(bytes.subarray(0, 1_000));
  unheard.resolve(undefined);
});

describe("a range of a cold blob", () => {
  it("costs no more than itself, and is kept for who asks for it again", async () => {
    const range = { range: parseRange("bytes=1000000-1000099") };
    for (const outcome of ["miss", "collapsed"]) {
      const answer = contentOf(await house.blob(name, range));
      expect([answer.outcome, answer.source.size]).toEqual([outcome, size]);
      expect(await partOf(answer, 1_000_000, 100)).toEqual(bytes.subarray(1_000_000, 1_000_100));
    }
    expect(ranges()).toEqual(["GET bytes=1000000-1000099"]);
  });

  it("starts the whole download once half of its bytes are there", async () => {
    const half = size / 2;
    const range = { range: parseRange(`bytes=${half}-${size - 1}`) };
    const answer = contentOf(await house.blob(name, range));
    expect((await partOf(answer, half, size - half)).equals(bytes.subarray(half))).toBe(true);
    await kept();
    expect(ranges()).toEqual([`GET bytes=${half}-${size - 1}`, `GET bytes=0-${half - 1}`]);
    expect((await house.blob(name, range)).outcome).toBe("hit");
  });

  it("far ahead costs no more than itself when the blob would not be kept", async () => {
    house.downloads.mayKeep = () => false;
    const answer = await house.blob(name, { range: parseRange("bytes=1000000-1000099") });
    expect(await bodyOf(answer)).toEqual(bytes.subarray(1_000_000, 1_000_100));
    expect(ranges()).toEqual(["GET bytes=1000000-1000099"]);
  });

  const odd = [
    ["knows no ranges", 200, {}],
    ["sends another part", 206, { "content-range": `bytes 0-${size - 1}/${size}` }],
  ] as const;

  it.each(odd)(
    "far ahead, of a registry that %s, waits for the download",
    async (_, status, fields) => {
      const digest = name.split("@")[1] ?? "";
      const wrong = Buffer.from(bytes).fill("wrong", 1_500_000, 1_500_005);
      let sent = wrong;
      const answer = (request: RegistryRequest) =>
        request.headers.has("range")
          ? respond(request, status, fields, sent)
          : respond(request, 200, {}, sent);
      house.upstream.fault("docker.io", (request) =>
        request.target.endsWith(digest) ? answer(request) : undefined,
      );
      const range = parseRange("bytes=1000000-");
      const lied = await house.blob(name, { range });
      expect(lied.kind).toBe("content");
      await expect(bodyOf(lied)).rejects.toMatchObject({ code: "WRONG_DIGEST" });
      sent = bytes;
      expect((await bodyOf(await house.blob(name, { range }))).equals(bytes)).toBe(true);
      await kept();
    },
  );

  it("from the end is asked for by its absolute place", async () => {
    const answer = contentOf(await house.blob(name, { range: parseRange("bytes=-100") }));
    expect(await partOf(answer, size - 100, 100)).toEqual(bytes.subarray(size - 100));
    expect(ranges().sort()).toEqual([`GET bytes=${size - 100}-${size - 1}`, "HEAD whole"]);
  });

  it("that goes on to whatever the end is waits there for the digest of the whole", async () => {
    const range = { range: parseRange("bytes=1000000-") };
    const answer = contentOf(await house.blob(name, range));
    expect((await partOf(answer, 1_000_000, size)).equals(bytes.subarray(1_000_000))).toBe(true);
    await kept();
    expect((await house.blob(name, range)).outcome).toBe("hit");
  });

  it("of several parts gets the whole", async () => {
    const answer = contentOf(
      await house.blob(name, { range: parseRange("bytes=0-1,1500000-1500001") }),
    );
    expect(answer.outcome).toBe("miss");
    expect((await bodyOf(answer)).equals(bytes)).toBe(true);
    expect(ranges()).toEqual(["GET whole"]);
  });
});

describe("a cold blob", () => {
  it("asked for by HEAD is asked for upstream, not guessed", async () => {
    const answer = await house.blob(name, { isHead: true });
    if (answer.kind !== "passed") throw new TypeError(answer.kind);
    expect(answer.response.headers.get("content-length")).toEqual([String(size)]);
    expect(house.usage.count).toBe(1);
    expect(await statusOf(house.blob(`${ref}@sha256:${"0".repeat(64)}`, { isHead: true }))).toBe(
      404,
    );
  });

  it("that is not there is a 404 for all, without a queue", async () => {
    const missing = `${ref}@sha256:${"0".repeat(64)}`;
    const gate = Promise.withResolvers<void>();
    house.upstream.gate = gate.promise;
    const asked = Array.from({ length: 50 }, () => statusOf(house.blob(missing)));
    await eventually(() => expect(house.upstream.count("GET")).toBeGreaterThan(0));
    gate.resolve();
    expect(new Set(await Promise.all(asked))).toEqual(new Set([404]));
    house.upstream.gate = undefined;
    expect((await house.blob(missing)).outcome).toBe("negative");
  });

  it("of a registry that is down is the registry's failure", async () => {
    house.upstream.down("docker.io");
    expect(await statusOf(house.blob(name))).toBe("CONNECT");
    house.upstream.fault("docker.io", (request) => respond(request, 429));
    expect(await statusOf(house.blob(name))).toBe(429);
  });

  it("is fetched once for clients with logins of their own, each of whom is asked about", async () => {
    const door = members({ logins: ["alice", "bob", "carol"] });
    const corp = house.upstream.repository("docker.io", "corp/app", door);
    const digest = corp.addBlob(bytes);
    house.credential = undefined;
    const pull = (who: string) =>
      house.blob(`docker.io/corp/app@${digest}`, { access: login(who) });
    const answers = await Promise.all(["alice", "bob", "carol"].map(pull));
    for (const answer of answers) expect((await bodyOf(answer)).equals(bytes)).toBe(true);
    expect(house.upstream.count("GET", "corp/app")).toBe(1);
    expect(house.upstream.count("HEAD", "corp/app")).toBe(2);
    expect(await statusOf(pull("mallory"))).toBe(401);
  });

  it("is not shared with whom the registry refuses, while it is being fetched", async () => {
    const door = members({ logins: ["alice"] });
    const corp = house.upstream.repository("docker.io", "corp/app", door);
    const digest = corp.addBlob(bytes);
    house.credential = undefined;
    const hers = await house.blob(`docker.io/corp/app@${digest}`, { access: login("alice") });
    for (const asked of [`docker.io/corp/app@${digest}`, `${ref}-2@${digest}`])
      expect(await statusOf(house.blob(asked, { access: login("mallory") }))).toBe(401);
    // The repository is public, and has no such blob.
    const open = house.upstream.repository("docker.io", "library/open");
    open.addImage("1", "open");
    await house.manifest("docker.io/library/open:1");
    expect(await statusOf(house.blob(`docker.io/library/open@${digest}`))).toBe(404);
    expect((await bodyOf(hers)).equals(bytes)).toBe(true);
  });

  it("is shared between repositories of one registry that both have it", async () => {
    const other = house.upstream.repository("docker.io", "library/other");
    other.addBlob(bytes);
    other.addImage("1", "other");
    await house.manifest("docker.io/library/other:1");
    const first = await house.blob(name);
    const second = await house.blob(name.replace("big", "other"));
    expect([first.outcome, second.outcome]).toEqual(["miss", "collapsed"]);
    for (const answer of [first, second]) expect((await bodyOf(answer)).equals(bytes)).toBe(true);
    expect(house.upstream.count("GET", "blobs")).toBe(1);
  });
});

describe("a kept blob", () => {
  it("is given under another name of its registry, once that says so", async () => {
    await bodyOf(await house.blob(name));
    await kept();
    house.upstream.repository("docker.io", "library/other").addBlob(bytes);
    house.upstream.forget();
    const other = name.replace("big", "other");
    expect((await house.blob(other)).outcome).toBe("hit");
    expect(house.upstream.log).toEqual([`HEAD ${other.slice(10).replace("@", "/blobs/")} 200`]);
  });

  it("is given for another registry when it is known to be public", async () => {
    await bodyOf(await house.blob(name));
    await kept();
    house.upstream.repository("ghcr.io", "a/b").addBlob(bytes);
    house.upstream.forget();
    expect((await house.blob(name.replace("docker.io/library/big", "ghcr.io/a/b"))).outcome).toBe(
      "hit",
    );
    expect(house.upstream.count("GET")).toBe(0);
  });

  it("of a private repository is fetched again from another registry that has it too", async () => {
    const corp = house.upstream.repository("docker.io", "corp/app", members({ logins: ["alice"] }));
    const digest = corp.addBlob(bytes);
    house.credential = undefined;
    await bodyOf(await house.blob(`docker.io/corp/app@${digest}`, { access: login("alice") }));
    await kept();
    const other = house.upstream.repository("ghcr.io", "a/b");
    other.addBlob(bytes);
    house.upstream.forget();
    const answer = contentOf(await house.blob(`ghcr.io/a/b@${digest}`));
    expect(answer.outcome).toMatch(/miss|collapsed/);
    expect((await bodyOf(answer)).equals(bytes)).toBe(true);
    expect(house.upstream.seen.map(({ registry, method }) => `${method} ${registry}`)).toEqual([
      "HEAD ghcr.io",
      "GET ghcr.io",
    ]);
  });

  it("is counted as read until its reader is closed", async () => {
    await bodyOf(await house.blob(name));
    await kept();
    const { digest, source } = contentOf(await house.blob(name));
    expect(house.usage.isRead(digest)).toBe(true);
    await source.close();
    expect(house.usage.isRead(digest)).toBe(false);
  });

  it("of which nothing can be read is fetched again", async () => {
    await bodyOf(await house.blob(name));
    await kept();
    await eventually(() => expect(house.downloads.running(contentDigest(name))).toBeUndefined());
    house.blobs.open = () => Promise.reject(new Error("EIO"));
    const answer = contentOf(await house.blob(name));
    expect((await bodyOf(answer)).equals(bytes)).toBe(true);
    expect(house.events.some(({ kind }) => kind === "diskFailed")).toBe(true);
  });
});

describe("a blob in doubt after an unclean stop", () => {
  const large = Buffer.alloc(10 * size, "entrepot ");

  /** Kept, of 65 MiB as far as anybody knows, and hashed again once the gate opens. */
  async function doubted() {
    name = `${ref}@${repository.addBlob(large)}`;
    await bodyOf(await house.blob(name));
    await kept();
    await house.close();
    const { blobs } = house;
    const reported = { size: 65 * 1024 * 1024 };
    const stat = blobs.stat.bind(blobs);
    blobs.stat = async (digest) => {
      const found = await stat(digest);
      return found && { size: reported.size, isVerified: false };
    };
    const gate = Promise.withResolvers<void>();
    const slow = {
      open: async (digest: Digest) => {
        const reader = await blobs.open(digest);
        if (reader === undefined) return undefined;
        const read = async (buffer: Uint8Array, position: number) => {
          await gate.promise;
          return reader.read(buffer, position);
        };
        return { size: reader.size, place: reader.place, read, close: () => reader.close() };
      },
      markVerified: () => blobs.markVerified(),
      condemn: (digest: Digest, identity: string) => blobs.condemn(digest, identity),
    };
    const rechecks = new VerifyingReads({ blobs: slow, books: noBooks, observe: () => undefined });
    house = new House({ before: house, rechecks });
    house.upstream.forget();
    onTestFinished(() => {
      gate.resolve();
      return rechecks.close();
    });
    return { gate, reported };
  }

  const far = parseRange("bytes=10000000-");

  it("is hashed while it is served", async () => {
    const { gate, reported } = await doubted();
    gate.resolve();
    reported.size = large.length;
    expect((await bodyOf(await house.blob(name))).equals(large)).toBe(true);
    expect(house.upstream.count("GET", "blobs")).toBe(0);
  });

  it("costs its registry nothing for a client that reads it in chunks", async () => {
    const { gate } = await doubted();
    gate.resolve();
    for (let start = 0; start < large.length; start += 2_000_000) {
      const range = parseRange(`bytes=${start}-${start + 1_999_999}`);
      const answer = await house.blob(name, { range });
      expect([start, answer.outcome]).toEqual([start, "hit"]);
      await contentOf(answer).source.close();
    }
    expect(house.upstream.count("GET", "blobs")).toBe(0);
  });

  it("goes upstream for a range that the hashing takes long to reach, for one blob's worth at most", async () => {
    const { gate } = await doubted();
    for (const _ of [1, 2, 3, 4, 5, 6]) {
      const share = parseRange("bytes=10000000-19737417");
      expect((await house.blob(name, { range: share })).outcome).toBe("bypass");
    }
    const waiting = house.blob(name, { range: far });
    gate.resolve();
    const answer = await waiting;
    expect([answer.outcome, house.upstream.count("GET", "blobs")]).toEqual(["hit", 6]);
    await contentOf(answer).source.close();
  });

  it("waits for the hashing where the registry is gone, or for its first bytes", async () => {
    const { gate } = await doubted();
    // That would be all of the blob, and nobody would have hashed it.
    const all = await house.blob(name, { range: parseRange("bytes=0-") });
    expect(all.outcome).toBe("hit");
    await contentOf(all).source.close();
    house.upstream.down("docker.io");
    const waiting = await house.blob(name, { range: far });
    expect(waiting.outcome).toBe("hit");
    await contentOf(waiting).source.close();
    gate.resolve();
  });
});

describe("a manifest asked for as a blob", () => {
  const manifest = Buffer.from('{"schemaVersion":2}');

  it.each([404, 200])("is what the registry says of it: %i", async (status) => {
    const digest = repository.addManifest(manifest, ociManifest);
    expect((await house.manifest(`${ref}@${digest}`)).outcome).toBe("miss");
    if (status === 200) repository.blobs.set(digest, manifest);
    for (const isHead of [false, true]) {
      expect(await statusOf(house.blob(`${ref}@${digest}`, { isHead }))).toBe(status);
    }
  });
});

function contentDigest(blob: string) {
  return blob.slice(blob.indexOf("@") + 1) as Parameters<House["downloads"]["running"]>[0];
}

describe("a HEAD of a kept blob", () => {
  const head = (access: Access, isMirror = false) =>
    house.blob(name, { isHead: true, access, isMirror });

  beforeEach(async () => {
    await bodyOf(await house.blob(name));
    await kept();
    house.upstream.forget();
  });

  it.each([
    ["a login of his own", login("alice"), everybody],
    ["no login, at a registry that wants none", none, () => true],
  ])("by who could push, with %s, says what the registry says", async (_, access, door) => {
    repository.door = door;
    expect(await statusOf(head(access))).toBe(200);
    expect(house.upstream.count("HEAD", "blobs")).toBe(1);
    // Collected there, or deleted by somebody else: a push has to bring it again.
    repository.blobs.delete(name.slice(name.indexOf("@") + 1) as Digest);
    expect(await statusOf(head(access))).toBe(404);
    house.upstream.down("docker.io");
    expect(await statusOf(head(access))).toBe(200);
    expect(house.upstream.seen.at(-1)?.patience).toBe("brief");
  });

  it.each([
    ["through a mirror", login("alice"), true],
    ["with a token of ours", anonymous, false],
    ["with the operator's credential", shared, false],
  ])("%s is answered from memory", async (_, access, isMirror) => {
    expect(await statusOf(head(access, isMirror))).toBe(200);
    expect(house.upstream.log).toEqual([]);
  });
});

describe("a 404 to a HEAD of a blob", () => {
  it("is not remembered: the GET after it is asked, and so is the next HEAD", async () => {
    const later = Buffer.from("pushed a moment later");
    const digest = repository.addBlob(later);
    house.upstream.fault("docker.io", (request) =>
      request.method === "HEAD" ? respond(request, 404) : undefined,
    );
    expect(await statusOf(house.blob(`${ref}@${digest}`, { isHead: true }))).toBe(404);
    expect((await bodyOf(await house.blob(`${ref}@${digest}`))).equals(later)).toBe(true);
  });

  it("is not said again to who has pushed the blob meanwhile", async () => {
    const later = Buffer.from("pushed a moment later");
    const digest = repository.addBlob(later);
    repository.blobs.delete(digest);
    expect(await statusOf(house.blob(`${ref}@${digest}`, { isHead: true }))).toBe(404);
    repository.addBlob(later);
    expect(await statusOf(house.blob(`${ref}@${digest}`, { isHead: true }))).toBe(200);
  });
});
