import { beforeEach, expect, it } from "vitest";
import { PullQuota } from "../../../src/cache/tags/pull-quota.ts";
import { TagAsks } from "../../../src/cache/tags/tag-asks.ts";
import { resolveAccept } from "../../../src/protocol/media-type.ts";
import { anonymous, login, manifestAsk } from "../support/house.ts";
import { Registries, respond } from "../support/registries.ts";

let now = 0;
let upstream: Registries;
let quota: PullQuota;
let asks: TagAsks;

beforeEach(() => {
  now = 0;
  upstream = new Registries();
  upstream.repository("docker.io", "library/alpine").addImage("1", "alpine");
  upstream.repository("docker.io", "library/alpine").addImage("2", "alpine two");
  quota = new PullQuota(
    () => undefined,
    () => now,
  );
  asks = new TagAsks({ client: upstream, quota, now: () => now });
});

function question(tag = "1") {
  const { registry, repository, reference, signal } = manifestAsk(
    `docker.io/library/alpine:${tag}`,
  );
  const how = { access: anonymous, accept: resolveAccept, patience: "full" } as const;
  return { registry, repository, reference, signal, ...how };
}

const methods = () => upstream.seen.map(({ method }) => method);

it("HEAD tells the digest, GET the bytes", async () => {
  expect((await asks.digest(question())).kind).toBe("found");
  expect((await asks.bytes(question())).kind).toBe("bytes");
  expect(methods()).toEqual(["HEAD", "GET"]);
});

it("a registry whose HEAD is of no use is asked by GET for a day, whatever the tag", async () => {
  upstream.fault("docker.io", (request) =>
    request.method === "HEAD" ? respond(request, 405) : undefined,
  );
  for (const tag of ["1", "2"]) expect((await asks.digest(question(tag))).kind).toBe("bytes");
  expect(methods()).toEqual(["HEAD", "GET", "GET"]);
  now = 86_400_000;
  await asks.digest(question());
  expect(methods().slice(3)).toEqual(["HEAD", "GET"]);
});

it("a tag that is not there says nothing about HEAD", async () => {
  for (let time = 0; time < 2; time += 1)
    expect((await asks.digest(question("none"))).kind).toBe("missing");
  expect(methods()).toEqual(["HEAD", "GET", "HEAD", "GET"]);
});

it("every answer's budget is noted", async () => {
  upstream.fault("docker.io", (request) =>
    respond(request, 429, { "ratelimit-limit": "100;w=60", "ratelimit-remaining": "0;w=60" }),
  );
  await asks.digest(question());
  expect(quota.of(question().registry.name)).toMatchObject({ limit: 100, remaining: 0 });
});

it("a budget that is a client's own is not ours", async () => {
  const left = { "ratelimit-limit": "100;w=60", "ratelimit-remaining": "0;w=60" };
  upstream.fault("docker.io", (request) => respond(request, 404, left));
  await asks.digest({ ...question(), access: login("alice") });
  expect(quota.all()).toEqual([]);
});
