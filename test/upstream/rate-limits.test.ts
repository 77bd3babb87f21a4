import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { headerList, headerValue } from "../../src/protocol/http/header-list.ts";
import { type QuotaKey, RateLimits } from "../../src/upstream/rate-limits.ts";
import type { RegistryResponse } from "../../src/upstream/registry-client.ts";
import type { UpstreamEvent } from "../../src/upstream/upstream-event.ts";
import { readAll, rejection } from "./rig.ts";

const nobody: QuotaKey = { host: "reg.test", access: "none", key: "none" };

function answer(
  status: number,
  fields: Record<string, string> = {},
  text = "",
): () => Promise<RegistryResponse> {
  return async () => ({
    status,
    headers: headerList(fields),
    body: Readable.from(text === "" ? [] : [Buffer.from(text)]),
  });
}

function limits() {
  const clock = { now: 0 };
  const events: UpstreamEvent[] = [];
  const rates = new RateLimits({ now: () => clock.now, observe: (event) => events.push(event) });
  let asked = 0;
  const ask = async (question: () => Promise<RegistryResponse>, asker = nobody, isHead = false) =>
    await rates.ask(asker, isHead, () => {
      asked += 1;
      return question();
    });
  return { clock, events, ask, asked: () => asked };
}

describe("a 429", () => {
  it("is given again without asking until Retry-After has passed", async () => {
    const { clock, ask, asked, events } = limits();
    const body = '{"errors":[{"code":"TOOMANYREQUESTS"}]}';
    const tooMany = answer(429, { "retry-after": "60", "content-type": "application/json" }, body);
    const first = await ask(tooMany);
    expect(String(await readAll(first.body))).toBe(body);
    clock.now = 45_500;
    const second = await ask(answer(200));
    expect(second.status).toBe(429);
    expect(headerValue(second.headers, "retry-after")).toBe("15");
    expect(headerValue(second.headers, "content-type")).toBe("application/json");
    expect(String(await readAll(second.body))).toBe(body);
    expect(asked()).toBe(1);
    clock.now = 60_000;
    expect((await ask(answer(200))).status).toBe(200);
    expect((await ask(answer(200))).status).toBe(200);
    expect(events).toEqual([
      { kind: "rateLimited", host: "reg.test", access: "none", seconds: 60 },
    ]);
  });

  it("of thousands of hosts with long bodies is forgotten before it fills the memory", async () => {
    const { ask, asked } = limits();
    const long = answer(429, { "retry-after": "60" }, "x".repeat(65_536));
    for (let count = 0; count < 200; count += 1)
      await ask(long, { ...nobody, host: `reg-${count}.test` });
    expect((await ask(answer(200), { ...nobody, host: "reg-199.test" })).status).toBe(429);
    expect((await ask(answer(200), { ...nobody, host: "reg-0.test" })).status).toBe(200);
    expect(asked()).toBe(201);
  });

  it("keeps none of the slab that Node cut its short body out of", async () => {
    const { ask } = limits();
    await ask(answer(429, { "retry-after": "60" }, "too many"));
    const again = await ask(answer(200));
    for await (const body of again.body) expect(body.buffer.byteLength).toBe(8);
    expect.assertions(1);
  });

  it("has no body for HEAD", async () => {
    const { ask } = limits();
    await ask(answer(429, { "retry-after": "60" }, "too many"));
    const head = await ask(answer(200), nobody, true);
    expect(headerValue(head.headers, "content-length")).toBe("8");
    expect((await readAll(head.body)).length).toBe(0);
  });

  it("holds for its host and credential alone", async () => {
    const { ask } = limits();
    await ask(answer(429, { "retry-after": "60" }));
    expect((await ask(answer(200), { ...nobody, key: "shared" })).status).toBe(200);
    expect((await ask(answer(200), { ...nobody, host: "other.test" })).status).toBe(200);
    expect((await ask(answer(200))).status).toBe(429);
  });

  it("holds an hour at most", async () => {
    const { clock, ask } = limits();
    await ask(answer(429, { "retry-after": "999999" }));
    clock.now = 3_599_999;
    expect((await ask(answer(200))).status).toBe(429);
    clock.now = 3_600_000;
    expect((await ask(answer(200))).status).toBe(200);
  });

  it("may name a date, counted from the answer's own", async () => {
    const { clock, ask } = limits();
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    await ask(answer(429, { "retry-after": "Sun, 06 Nov 1994 08:50:37 GMT", date }));
    clock.now = 59_999;
    expect((await ask(answer(200))).status).toBe(429);
    clock.now = 60_000;
    expect((await ask(answer(200))).status).toBe(200);
  });

  it.each([{}, { "retry-after": "0" }, { "retry-after": "soon" }, { "retry-after": "1" }])(
    "storm of a minute costs at most 12 requests: %j",
    async (fields: Record<string, string>) => {
      const { clock, ask, asked } = limits();
      for (; clock.now < 60_000; clock.now += 100) {
        for (let client = 0; client < 3; client++) {
          const { status, headers } = await ask(answer(429, fields));
          expect(status).toBe(429);
          expect(Number(headerValue(headers, "retry-after"))).toBeGreaterThan(0);
        }
      }
      expect(asked()).toBeLessThanOrEqual(12);
      expect(asked()).toBeGreaterThan(3);
    },
  );

  it("to a hundred who asked at once is one, and not a hundred in a row", async () => {
    const { clock, ask } = limits();
    await Promise.all(Array.from({ length: 100 }, () => ask(answer(429))));
    clock.now = 1_000;
    expect((await ask(answer(429))).status).toBe(429);
    clock.now = 2_999;
    expect((await ask(answer(200))).status).toBe(429);
    clock.now = 3_000;
    expect((await ask(answer(200))).status).toBe(200);
  });

  it("lets one try at a time when its time is over", async () => {
    const { clock, ask, asked } = limits();
    await ask(answer(429, { "retry-after": "60" }));
    clock.now = 60_000;
    const slow = Promise.withResolvers<RegistryResponse>();
    const trial = ask(() => slow.promise);
    expect((await ask(answer(200))).status).toBe(429);
    slow.resolve(await answer(200)());
    expect((await trial).status).toBe(200);
    expect((await ask(answer(200))).status).toBe(200);
    expect(asked()).toBe(3);
  });

  it("is tried again by the next when the trial failed", async () => {
    const { clock, ask } = limits();
    await ask(answer(429, { "retry-after": "60" }));
    clock.now = 60_000;
    const failure = new Error("reset");
    expect(await rejection(ask(() => Promise.reject(failure)))).toBe(failure);
    expect((await ask(answer(200))).status).toBe(200);
  });

  it("keeps no more than 64 KiB of what it said", async () => {
    const { ask } = limits();
    const { body } = await ask(answer(429, {}, "x".repeat(100_000)));
    expect((await readAll(body)).length).toBe(65_536);
  });
});

describe("Docker Hub's budget", () => {
  it("is told from its headers", async () => {
    const { ask, events } = limits();
    const fields = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" };
    await ask(answer(200, fields));
    expect(events).toEqual([
      {
        kind: "rateLimitRead",
        host: "reg.test",
        access: "none",
        limit: 100,
        remaining: 76,
        windowSeconds: 21_600,
      },
    ]);
  });

  it.each([
    { "ratelimit-limit": "100" },
    { "ratelimit-remaining": "5" },
    { "ratelimit-limit": "many", "ratelimit-remaining": "few" },
  ])("is not made up from %j", async (fields: Record<string, string>) => {
    const { ask, events } = limits();
    await ask(answer(200, fields));
    expect(events).toEqual([]);
  });
});
