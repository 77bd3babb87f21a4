import { beforeEach, describe, expect, it } from "vitest";
import { askBlob, askForWord, type BlobQuestion, denialOf } from "../../src/cache/blob-asks.ts";
import type { Digest } from "../../src/protocol/digest.ts";
import { anonymous, blobAsk } from "./support/house.ts";
import { Registries, respond } from "./support/registries.ts";

let upstream: Registries;
let digest: Digest;

beforeEach(() => {
  upstream = new Registries();
  digest = upstream.repository("docker.io", "library/alpine").addBlob(Buffer.from("0123456789"));
});

function ask(change: Partial<BlobQuestion> = {}) {
  const { registry, repository, signal } = blobAsk(`docker.io/library/alpine@${digest}`);
  const how = { method: "GET", redirects: "blob", patience: "full", access: anonymous } as const;
  return askBlob(upstream, { registry, repository, digest, signal, ...how, ...change });
}

describe("asking about a blob", () => {
  it("asks for one absolute range, unencoded", async () => {
    const given = await ask({ range: { start: 2, end: 5 } });
    expect(given).toMatchObject({ kind: "given", response: { status: 206 } });
    expect(upstream.seen[0]?.headers.get("range")).toEqual(["bytes=2-4"]);
    expect(upstream.seen[0]?.headers.get("accept-encoding")).toEqual(["identity"]);
    await ask({ range: { start: 2, end: undefined } });
    expect(upstream.seen[1]?.headers.get("range")).toEqual(["bytes=2-"]);
  });

  it.each([200, 206, 302, 307, 416])("%i: the registry gives it", async (status) => {
    upstream.fault("docker.io", (request) => respond(request, status));
    expect(await ask({ method: "HEAD", redirects: "pass" })).toMatchObject({ kind: "given" });
  });

  it.each([
    [401, "refused"],
    [403, "refused"],
    [404, "missing"],
    [405, "missing"],
    [429, "unavailable"],
    [502, "unavailable"],
  ])("%i: %s", async (status, kind) => {
    upstream.fault("docker.io", (request) => respond(request, status));
    expect(await ask()).toMatchObject({ kind, answer: { status } });
    expect(denialOf({ status, headers: new Map(), body: Buffer.alloc(0) }).kind).toBe(kind);
  });

  it("takes no login page for the registry's word, but any redirect", async () => {
    const { registry, repository, signal } = blobAsk(`docker.io/library/alpine@${digest}`);
    const question = { registry, repository, digest, signal, access: anonymous } as const;
    const word = () => askForWord(upstream, { ...question, patience: "full" });
    expect((await word()).kind).toBe("given");
    for (const [status, kind] of [
      [200, "missing"],
      [307, "given"],
    ] as const) {
      upstream.fault("docker.io", (request) =>
        respond(request, status, { "content-type": "Text/HTML; charset=utf-8" }),
      );
      expect((await word()).kind).toBe(kind);
    }
  });

  it("of a registry that is down, or may not be asked", async () => {
    upstream.down("docker.io", "DNS");
    expect(await ask()).toMatchObject({ kind: "unavailable", error: { code: "DNS" } });
    upstream.down("docker.io", "FORBIDDEN");
    await expect(ask()).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});
