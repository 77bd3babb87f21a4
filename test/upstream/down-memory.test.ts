import { describe, expect, it } from "vitest";
import { DownMemory } from "../../src/upstream/down-memory.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../src/upstream/upstream-error.ts";
import type { UpstreamEvent } from "../../src/upstream/upstream-event.ts";
import { rejection } from "./rig.ts";

function memory() {
  const clock = { now: 0 };
  const events: UpstreamEvent[] = [];
  const down = new DownMemory({ now: () => clock.now, observe: (event) => events.push(event) });
  const fails = (code: UpstreamErrorCode) => () =>
    Promise.reject(new UpstreamError(code, "reg.test", "x"));
  const brief = (question: () => Promise<unknown>) =>
    down.ask("reg.test", { isBrief: true }, question);
  const full = (question: () => Promise<unknown>) =>
    down.ask("reg.test", { isBrief: false }, question);
  return { clock, events, fails, brief, full, down };
}

const isDown = { code: "DOWN", host: "reg.test" };

describe("a host that did not answer", () => {
  it.each(["DNS", "CONNECT", "TLS", "TIMEOUT", "RESET"] as const)(
    "with %s is not asked for 15 s by who can do without",
    async (code) => {
      const { clock, fails, brief, events } = memory();
      expect(await rejection(brief(fails(code)))).toMatchObject({ code });
      clock.now = 14_999;
      expect(await rejection(brief(async () => "not asked"))).toMatchObject(isDown);
      clock.now = 15_000;
      expect(await brief(async () => "asked")).toBe("asked");
      expect(events).toEqual([
        { kind: "hostDown", host: "reg.test", code },
        { kind: "hostUp", host: "reg.test" },
      ]);
    },
  );

  it.each(["FORBIDDEN", "PROTOCOL", "ABORTED", "REDIRECT"] as const)(
    "with %s is not down",
    async (code) => {
      const { fails, brief } = memory();
      await rejection(brief(fails(code)));
      expect(await brief(async () => "asked")).toBe("asked");
    },
  );

  it.each(["TIMEOUT", "RESET"] as const)(
    "with %s to who had all the time in the world is not down: it may be what was asked for",
    async (code) => {
      const { fails, brief, full, events } = memory();
      await rejection(full(fails(code)));
      expect(await brief(async () => "asked")).toBe("asked");
      expect(events).toEqual([]);
    },
  );

  it("is still asked by who has nothing else, and is up when that works", async () => {
    const { fails, brief, full } = memory();
    await rejection(full(fails("CONNECT")));
    expect(await rejection(brief(async () => "not asked"))).toMatchObject(isDown);
    expect(await full(async () => "asked")).toBe("asked");
    expect(await brief(async () => "asked")).toBe("asked");
  });

  it("is tried by one at a time after that", async () => {
    const { clock, fails, brief, events } = memory();
    await rejection(brief(fails("TIMEOUT")));
    clock.now = 15_000;
    const probe = Promise.withResolvers<string>();
    const first = brief(() => probe.promise);
    expect(await rejection(brief(async () => "not asked"))).toMatchObject(isDown);
    probe.reject(new UpstreamError("TIMEOUT", "reg.test", "again"));
    expect(await rejection(first)).toMatchObject({ code: "TIMEOUT" });
    clock.now = 29_999;
    expect(await rejection(brief(async () => "not asked"))).toMatchObject(isDown);
    expect(events).toHaveLength(1);
  });

  it("may be tried by the next one when the first gave up", async () => {
    const { clock, fails, brief } = memory();
    await rejection(brief(fails("TIMEOUT")));
    clock.now = 15_000;
    await rejection(brief(fails("ABORTED")));
    expect(await brief(async () => "asked")).toBe("asked");
  });

  it("is known to others, and they may tell of it", async () => {
    const { clock, brief, down } = memory();
    down.failed("reg.test", "PROTOCOL");
    expect(down.isDown("reg.test")).toBe(false);
    down.failed("reg.test", "TIMEOUT");
    expect(down.isDown("reg.test")).toBe(true);
    expect(await rejection(brief(async () => "not asked"))).toMatchObject(isDown);
    clock.now = 15_000;
    expect(down.isDown("reg.test")).toBe(false);
    down.failed("reg.test", "TIMEOUT");
    down.answered("reg.test");
    expect(await brief(async () => "asked")).toBe("asked");
  });

  it("is not down because it takes its time over a list", async () => {
    const { fails, down, events } = memory();
    const slow = { isBrief: true, isSlow: true };
    await rejection(down.ask("reg.test", slow, fails("TIMEOUT")));
    expect(down.isDown("reg.test")).toBe(false);
    await rejection(down.ask("reg.test", slow, fails("CONNECT")));
    expect([down.isDown("reg.test"), events.length]).toEqual([true, 1]);
  });

  it("does not make another host be down", async () => {
    const { fails, brief, down } = memory();
    await rejection(brief(fails("DNS")));
    expect(await down.ask("other.test", { isBrief: true }, async () => "asked")).toBe("asked");
  });
});
