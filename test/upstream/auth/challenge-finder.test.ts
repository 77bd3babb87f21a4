import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { ChallengeFinder } from "../../../src/upstream/auth/challenge-finder.ts";
import { RateLimits } from "../../../src/upstream/rate-limits.ts";
import {
  bearerRegistry,
  hub,
  hubChallenge,
  hubHost,
  makeAuth,
  registry,
  say,
  startLoopback,
} from "./loopback.ts";

const never = new AbortController().signal;

async function make() {
  const loopback = await startLoopback();
  return { loopback, ...makeAuth(loopback) };
}

describe("finding out how a registry wants its logins", () => {
  it("asks /v2/ once for all, without any Authorization, and remembers", async () => {
    const { loopback, finder, memory } = await make();
    loopback.play(hubHost, bearerRegistry(hubChallenge));
    const found = await Promise.all([1, 2, 3].map(() => finder.find(hub, never)));
    expect(found.map((one) => one?.lines)).toEqual([
      [hubChallenge],
      [hubChallenge],
      [hubChallenge],
    ]);
    expect(await finder.find(hub, never)).toBe(memory.recall(hub));
    expect(loopback.seen).toMatchObject([
      { host: hubHost, method: "GET", url: "/v2/", authorization: undefined },
    ]);
  });

  it("says whether a login is good there, and forgets what it saw", async () => {
    const { loopback, finder, memory } = await make();
    loopback.play(hubHost, ({ headers }, response) =>
      say(response, headers.authorization === "Basic good" ? 200 : 401),
    );
    expect(await finder.judge(hub, "Basic good", { signal: never })).toBe("good");
    expect(await finder.judge(hub, "Basic bad", { signal: never })).toBe("refused");
    loopback.play(hubHost, (_, response) => say(response, 200));
    expect(await finder.judge(hub, "Basic good", { signal: never })).toBe("unknown");
    loopback.play(hubHost, (_, response) => say(response, 503));
    await expect(finder.judge(hub, "Basic good", { signal: never })).rejects.toMatchObject({
      code: "DOWN",
    });
    loopback.play(hubHost, () => undefined);
    const left = finder.judge(hub, "Basic good", { signal: AbortSignal.timeout(50) });
    await expect(left).rejects.toMatchObject({ code: "ABORTED" });
    expect(memory.recall(hub)).toBeUndefined();
  });

  it("remembers that a registry lets everybody in", async () => {
    const { loopback, finder } = await make();
    loopback.play("open.example", (_, response) => say(response, 200, {}));
    expect((await finder.find(registry("open.example"), never))?.lines).toEqual([]);
  });

  it.each([
    [404, {}],
    [401, {}],
    [307, { location: "https://ghcr.io/v2/" }],
    [500, {}],
    [429, { "retry-after": "5" }],
  ])("learns nothing from %i, and does not insist", async (status, headers) => {
    const { loopback, finder, memory } = await make();
    loopback.play("lscr.io", (_, response) => say(response, status, "x", headers));
    const lscr = registry("lscr.io");
    const answer = await finder.ping(lscr, "full", never);
    expect(answer).toMatchObject({ status, body: Buffer.from("x"), remembered: undefined });
    expect(await finder.find(lscr, never)).toBeUndefined();
    expect(memory.recall(lscr)).toBeUndefined();
    expect(loopback.seen).toHaveLength(1);
  });

  it("leaves a registry alone that says 429 to every ping, also before anything is known of it", async () => {
    const { loopback, finder } = await make();
    loopback.play(hubHost, (_, response) => say(response, 429, "x", { "retry-after": "5" }));
    for (let count = 0; count < 20; count++) {
      const answer = await finder.ping(hub, "full", never);
      expect(answer).toMatchObject({ status: 429, body: Buffer.from("x") });
      expect(answer.headers.get("retry-after")).toEqual(["5"]);
    }
    expect(loopback.seen).toHaveLength(1);
  });

  it("is told what login it wants, though who asks without one is told 429 elsewhere", async () => {
    const loopback = await startLoopback();
    const { now, memory } = makeAuth(loopback);
    const rates = new RateLimits({ now, observe: () => undefined });
    const { transport } = loopback;
    const finder = new ChallengeFinder({ transport, memory, now, rates });
    const asker = { host: hubHost, access: "none", key: "none" };
    const tooMany = { status: 429, headers: new Map(), body: Readable.from([]) };
    await rates.ask(asker, false, async () => tooMany);
    loopback.play(hubHost, bearerRegistry(hubChallenge));
    expect(await finder.find(hub, never)).toBeDefined();
    await finder.close();
  });

  it("tells when nobody answers, and then leaves it alone for a moment", async () => {
    const { loopback, finder, time } = await make();
    await expect(finder.find(hub, never)).rejects.toMatchObject({ code: "CONNECT" });
    expect(await finder.find(hub, never)).toBeUndefined();
    await expect(finder.ping(hub, "brief", never)).rejects.toMatchObject({ code: "DOWN" });
    expect(loopback.seen).toHaveLength(1);
    time.now += 16_000;
    loopback.play(hubHost, bearerRegistry(hubChallenge));
    expect(await finder.find(hub, never)).toBeDefined();
  });

  it("does not wait for a host that others found down", async () => {
    const { loopback, finder, outages } = await make();
    outages.failed(hubHost, "TIMEOUT");
    await expect(finder.ping(hub, "brief", never)).rejects.toMatchObject({ code: "DOWN" });
    expect(loopback.seen).toEqual([]);
  });

  it("waits a moment only when briefly asked, and tells others", async () => {
    const { outages, ...auth } = await make();
    auth.loopback.play(hubHost, () => undefined);
    await expect(auth.finder.ping(hub, "brief", never)).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(outages.isDown(hubHost)).toBe(true);
  });
});
