import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccessChecks } from "../../../src/cache/access/access-checks.ts";
import { Visibility } from "../../../src/cache/access/visibility.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { anonymous, login, manifestAsk, none, shared } from "../support/house.ts";
import { everybody, nobody, Registries, type Repository, respond } from "../support/registries.ts";

const {
  registry,
  repository: name,
  reference: witness,
  signal,
} = manifestAsk("docker.io/corp/app:1");
const ref = { registry, repository: name };
const digest = digestOf(Buffer.from("blob"));
const hour = 3_600_000;

let now = 0;
let credential = { id: "one", isRefused: false };
let upstream: Registries;
let repository: Repository;
let visibility: Visibility;
let accessChecks: AccessChecks;

beforeEach(() => {
  now = 1e12;
  credential = { id: "one", isRefused: false };
  upstream = new Registries();
  repository = upstream.repository("docker.io", "corp/app");
  repository.addImage("1", "app");
  visibility = new Visibility({
    records: new MemoryRecordStore(),
    observe: () => undefined,
    now: () => now,
    credentialOf: () => credential,
    secret: Buffer.from("secret"),
  });
  accessChecks = new AccessChecks({ client: upstream, visibility, now: () => now });
});
afterEach(() => accessChecks.close());

const permits = (access = none) => accessChecks.permits({ ...ref, access }, digest, signal);

describe("a proof", () => {
  it("is renewed by a brief question, though one behind the clients' backs is still out", async () => {
    await visibility.grant(ref, anonymous, witness);
    now += hour;
    const gate = Promise.withResolvers<void>();
    upstream.gate = gate.promise;
    accessChecks.sighted(ref, shared, witness);
    await eventually(() => upstream.count() === 1);
    const asked = permits();
    await eventually(() => upstream.count() === 2);
    expect(upstream.seen.map(({ patience }) => patience)).toEqual(["full", "brief"]);
    gate.resolve();
    expect(await asked).toBe(true);
  });

  it("counts for an hour without a question, and is then renewed by one for all", async () => {
    await visibility.grant(ref, anonymous, witness);
    expect(await permits()).toBe(true);
    expect(upstream.log).toEqual([]);
    now += hour;
    expect(await Promise.all([permits(), permits(login("a")), permits()])).toEqual([
      true,
      true,
      true,
    ]);
    expect(upstream.log).toEqual(["HEAD corp/app/manifests/1 200"]);
    expect(await permits()).toBe(true);
    expect(upstream.count()).toBe(1);
  });

  it("is withdrawn when the registry refuses", async () => {
    await visibility.grant(ref, anonymous, witness);
    now += hour;
    repository.door = nobody;
    expect(await permits()).toBe(false);
    expect(await visibility.mayWhileUnreachable({ ...ref, access: none })).toBe(false);
  });

  it("stands while the registry cannot be asked, and that is not tried by each client", async () => {
    await visibility.grant(ref, anonymous, witness);
    now += 100 * hour;
    upstream.down("docker.io");
    expect([await permits(), await permits(), await permits()]).toEqual([true, true, true]);
    expect([upstream.count(), upstream.seen[0]?.patience]).toEqual([1, "brief"]);
    now += 10_000;
    upstream.fault("docker.io", (request) => respond(request, 429));
    expect(await permits()).toBe(true);
    expect(upstream.count()).toBe(2);
  });

  it("proves nothing any more when its witness is gone", async () => {
    await visibility.grant(ref, anonymous, witness);
    now += hour;
    repository.tags.clear();
    expect(await permits()).toBe(false);
    expect(await visibility.mayWhileUnreachable({ ...ref, access: none })).toBe(true);
  });

  it("is not renewed by a login page, which has status 200 too", async () => {
    await visibility.grant(ref, anonymous, witness);
    now += hour;
    upstream.fault("docker.io", (request) =>
      respond(request, 200, { "content-type": "text/html" }, Buffer.from("<html>log in</html>")),
    );
    expect(await permits()).toBe(false);
  });

  it("of the operator's credential stands while that is refused", async () => {
    await visibility.grant(ref, shared, witness);
    now += hour;
    repository.door = nobody;
    credential = { id: "one", isRefused: true };
    expect(await permits()).toBe(true);
    // Some registries do not tell strangers that there is anything.
    upstream.fault("docker.io", (request) => respond(request, 404));
    now += 10_000;
    expect(await permits()).toBe(true);
    upstream.fault("docker.io", undefined);
    credential = { id: "one", isRefused: false };
    now += 10_000;
    expect(await permits()).toBe(false);
  });
});

describe("a repository seen for the first time", () => {
  it("is not public because strangers get a login page with status 200", async () => {
    upstream.fault("docker.io", (request) =>
      respond(request, 200, { "content-type": "text/html" }, Buffer.from("<html>log in</html>")),
    );
    accessChecks.sighted(ref, login("a"), witness);
    await eventually(async () => expect(upstream.count()).toBe(2));
    await accessChecks.close();
    expect(await visibility.mayWhileUnreachable({ ...ref, access: none })).toBe(false);
  });

  it.each([login("a"), shared])(
    "with %j is asked about anonymously, once an hour",
    async (access) => {
      repository.door = everybody;
      accessChecks.sighted(ref, access, witness);
      accessChecks.sighted(ref, access, witness);
      await eventually(async () =>
        expect(await visibility.may({ ...ref, access: none })).toBe(true),
      );
      expect(upstream.seen.map((seen) => seen.access)).toEqual([anonymous]);
      now += hour;
      accessChecks.sighted(ref, access, witness);
      await eventually(() => expect(upstream.count()).toBe(2));
    },
  );

  it("anonymously needs no other question", () => {
    accessChecks.sighted(ref, anonymous, witness);
    accessChecks.sighted(ref, none, witness);
    expect(upstream.count()).toBe(0);
  });

  it("and private stays so", async () => {
    repository.door = nobody;
    accessChecks.sighted(ref, login("a"), witness);
    await eventually(() => expect(upstream.seen[0]?.status).toBe(401));
    expect(await permits()).toBe(false);
  });
});
