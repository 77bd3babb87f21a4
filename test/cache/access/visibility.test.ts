import { describe, expect, it } from "vitest";
import type { SharedCredential } from "../../../src/cache/access/standing.ts";
import { Visibility } from "../../../src/cache/access/visibility.ts";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import type { Access } from "../../../src/upstream/registry-client.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { anonymous, login, manifestAsk, none, shared } from "../support/house.ts";

const digest = digestOf(Buffer.from("blob"));
const { registry, repository, reference: witness } = manifestAsk("docker.io/corp/app:1");
const ref = { registry, repository };
const hour = 3_600_000;

function setUp(records = new MemoryRecordStore()) {
  const state = {
    now: 1e12,
    credential: { id: "one", isRefused: false } as SharedCredential | undefined,
  };
  const events: CacheEvent[] = [];
  const visibility = new Visibility({
    records,
    observe: (event) => events.push(event),
    now: () => state.now,
    credentialOf: () => state.credential,
    secret: Buffer.from("secret"),
  });
  const may = (access: Access, isPublicOnly = false) =>
    visibility.may({ ...ref, access, isPublicOnly });
  const mayWhileUnreachable = (access: Access) =>
    visibility.mayWhileUnreachable({ ...ref, access });
  const kinds = async (access: Access, isPublicOnly = false) =>
    (await visibility.accesses({ ...ref, access, isPublicOnly })).map(({ kind }) => kind);
  return { state, events, visibility, may, mayWhileUnreachable, kinds, records };
}

describe("a repository", () => {
  it("is nobody's at first, and asked about as whoever asks", async () => {
    const { may, kinds } = setUp();
    for (const access of [none, anonymous, shared, login("a")])
      expect(await may(access)).toBe(false);
    expect(await kinds(none)).toEqual(["none"]);
    expect(await kinds(anonymous)).toEqual(["anonymous"]);
    expect(await kinds(shared)).toEqual(["shared"]);
    expect(await kinds(login("a"))).toEqual(["client", "shared"]);
    expect(await kinds(login("a"), true)).toEqual(["client"]);
  });

  it("whose proof is from what is now the future is asked about again", async () => {
    const { state, may, mayWhileUnreachable, visibility } = setUp();
    await visibility.grant(ref, anonymous, witness);
    state.now -= 365 * 24 * hour;
    expect([await may(none), await mayWhileUnreachable(none)]).toEqual([false, true]);
    await visibility.grant(ref, anonymous, witness);
    expect(await may(none)).toBe(true);
  });

  it("that anonymous access opens is everybody's for an hour, and as long as nobody can be asked", async () => {
    const { state, may, mayWhileUnreachable, kinds, visibility, events } = setUp();
    await visibility.grant(ref, anonymous, witness);
    for (const access of [none, anonymous, shared, login("a")])
      expect(await may(access)).toBe(true);
    expect(await kinds(login("a"))).toEqual(["anonymous", "client", "shared"]);
    state.now += hour;
    expect([await may(none), await mayWhileUnreachable(none)]).toEqual([false, true]);
    expect(await visibility.renewals({ ...ref, access: none })).toEqual([
      { access: anonymous, witness },
    ]);
    await visibility.grant(ref, none, witness);
    expect(await may(none)).toBe(true);
    await visibility.revoke(ref, anonymous);
    expect([await may(none), await mayWhileUnreachable(none)]).toEqual([false, false]);
    expect(events.map((event) => "to" in event && event.to)).toEqual(["public", "client"]);
  });

  it("that the operator's credential opens is everybody's while that credential is the same", async () => {
    const { state, may, mayWhileUnreachable, visibility } = setUp();
    await visibility.grant(ref, shared, witness);
    for (const access of [none, anonymous, login("a")]) expect(await may(access)).toBe(true);
    expect(await may(none, true)).toBe(false);
    state.credential = { id: "one", isRefused: true };
    await visibility.revoke(ref, shared);
    await visibility.expire(ref, shared);
    expect(await may(none)).toBe(true);
    state.credential = { id: "two", isRefused: false };
    expect([await may(none), await mayWhileUnreachable(none)]).toEqual([false, false]);
    state.credential = undefined;
    expect([await may(none), await mayWhileUnreachable(none)]).toEqual([false, false]);
    state.credential = { id: "one", isRefused: false };
    await visibility.revoke(ref, shared);
    expect(await mayWhileUnreachable(none)).toBe(false);
  });

  it("that a client's login opens is that client's for a minute", async () => {
    const { state, may, visibility } = setUp();
    await visibility.grant(ref, login("a"), witness);
    expect([await may(login("a")), await may(login("b")), await may(none)]).toEqual([
      true,
      false,
      false,
    ]);
    state.now += 60_000;
    expect(await may(login("a"))).toBe(false);
    await visibility.grant(ref, login("a"), witness);
    await visibility.revoke(ref, login("a"));
    expect(await may(login("a"))).toBe(false);
  });

  it("is not opened by a blob: that yes is for the blob alone", async () => {
    const { visibility, may } = setUp();
    visibility.grantBlob(ref, anonymous, digest);
    expect(await may(anonymous)).toBe(false);
    const asker = { ...ref, access: anonymous };
    expect(await visibility.may(asker, digest)).toBe(true);
    expect(await visibility.may(asker, digestOf(Buffer.from("other")))).toBe(false);
    expect(await visibility.may({ ...ref, access: none }, digest)).toBe(false);
  });

  it("is asked about again after a refusal that storage may have made", async () => {
    const { visibility, may, mayWhileUnreachable } = setUp();
    await visibility.grant(ref, anonymous, witness);
    await visibility.expire(ref, anonymous);
    expect([await may(none), await mayWhileUnreachable(none)]).toEqual([false, true]);
    await visibility.expire(ref, login("a"));
  });

  it("is remembered across a restart, without any client's login", async () => {
    const { visibility, records } = setUp();
    await visibility.grant(ref, anonymous, witness);
    await visibility.grant(ref, shared, witness);
    await visibility.grant(ref, login("CANARY-login"), witness);
    await visibility.flush();
    const second = setUp(records);
    expect(await second.may(none)).toBe(true);
    expect(await second.may(login("CANARY-login"))).toBe(true);
    expect(await second.visibility.isPublic("docker.io/corp/app")).toBe(true);
    const all: unknown[] = [];
    for await (const record of records.list("")) all.push(record);
    expect(JSON.stringify(all)).not.toContain("CANARY");
    expect(visibility.accessKey(login("CANARY-login"))).not.toContain("CANARY");
  });

  it("is not opened by a record that makes no sense", async () => {
    const { records, may } = setUp();
    await records.set("visibility/docker.io/corp/app", { public: { at: "now" }, shared: "yes" });
    expect(await may(none)).toBe(false);
  });
});
