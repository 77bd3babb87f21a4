import { describe, expect, it } from "vitest";
import { Budgets } from "../../src/cache/budgets.ts";
import type { CacheEvent } from "../../src/cache/cache-event.ts";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { manifestAsk } from "./support/house.ts";

const { name } = manifestAsk("docker.io/a:1").registry;

describe("a registry's budget", () => {
  it("is read from its fields and forgotten when its window is over", () => {
    let now = 0;
    const events: CacheEvent[] = [];
    const budgets = new Budgets(
      (event) => events.push(event),
      () => now,
    );
    const fields = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600" };
    budgets.note(name, headerList(fields));
    expect(budgets.of(name)).toMatchObject({ limit: 100, remaining: 7 });
    expect(events).toEqual([{ kind: "budgetSeen", registry: name, limit: 100, remaining: 7 }]);
    now = 21_600_000;
    expect(budgets.of(name)).toBeUndefined();
  });

  it.each([
    [{}],
    [{ "ratelimit-limit": "100" }],
    [{ "ratelimit-limit": "x", "ratelimit-remaining": "1" }],
  ])("is not made up from %j", (fields) => {
    const budgets = new Budgets(
      () => expect.unreachable(),
      () => 0,
    );
    budgets.note(name, headerList(fields));
    expect(budgets.of(name)).toBeUndefined();
  });
});
