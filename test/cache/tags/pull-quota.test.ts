import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { PullQuota } from "../../../src/cache/tags/pull-quota.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { anonymous, login, manifestAsk, shared } from "../support/house.ts";

const { name } = manifestAsk("docker.io/a:1").registry;

describe("a registry's budget", () => {
  it("is read from its fields and forgotten when its window is over", () => {
    let now = 0;
    const events: CacheEvent[] = [];
    const quota = new PullQuota(
      (event) => events.push(event),
      () => now,
    );
    const fields = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600" };
    quota.note(name, anonymous, headerList(fields));
    expect(quota.of(name)).toMatchObject({ limit: 100, remaining: 7 });
    const seen = { registry: name, limit: 100, remaining: 7 };
    expect(quota.all()).toEqual([seen]);
    expect(events).toContainEqual({ kind: "budgetSeen", ...seen });
    now = 21_600_000;
    expect(quota.of(name)).toBeUndefined();
    expect(quota.all()).toEqual([]);
  });

  it("is told to who it was told to, and nobody else", () => {
    const quota = new PullQuota(
      () => undefined,
      () => 0,
    );
    const left = (remaining: string) =>
      headerList({ "ratelimit-limit": "100;w=21600", "ratelimit-remaining": remaining });
    quota.note(name, shared, left("90"));
    quota.note(name, login("alice"), left("7"));
    const told = [shared, anonymous, login("alice"), login("bob")].map(
      (access) => quota.toldTo(name, access)?.remaining,
    );
    expect(told).toEqual([90, undefined, 7, undefined]);
    expect(quota.of(name)?.remaining).toBe(90);
  });

  it("is told once when it runs low, lower, and when there is enough again", () => {
    const events: CacheEvent[] = [];
    const quota = new PullQuota(
      (event) => events.push(event),
      () => 0,
    );
    for (const left of [100, 30, 19, 10, 4, 3, 0, 90, 80]) {
      quota.note(
        name,
        anonymous,
        headerList({ "ratelimit-limit": "100", "ratelimit-remaining": String(left) }),
      );
    }
    const told = events.flatMap((event) =>
      event.kind === "ttlStretched" ? [[event.remaining, event.factor]] : [],
    );
    expect(told).toEqual([
      [19, 6],
      [4, 30],
      [90, 1],
    ]);
  });

  it("is believed for a day at most", () => {
    let now = 0;
    const quota = new PullQuota(
      () => undefined,
      () => now,
    );
    const fields = { "ratelimit-limit": "100;w=999999999", "ratelimit-remaining": "0" };
    quota.note(name, anonymous, headerList(fields));
    now = 86_400_000;
    expect(quota.of(name)).toBeUndefined();
  });

  it.each([
    [{}],
    [{ "ratelimit-limit": "100" }],
    [{ "ratelimit-limit": "x", "ratelimit-remaining": "1" }],
  ])("is not made up from %j", (fields) => {
    const quota = new PullQuota(
      () => expect.unreachable(),
      () => 0,
    );
    quota.note(name, anonymous, headerList(fields));
    expect(quota.of(name)).toBeUndefined();
  });
});
