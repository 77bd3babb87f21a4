import { describe, expect, it } from "vitest";
import { type Break, type ResumingAsk, ResumingBody } from "../../src/download/resuming-body.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { askFor, content, openerOf } from "../cache/support/pulling.ts";
import { type Script, ScriptedRegistry } from "../cache/support/scripted-registry.ts";
import { TestClock } from "../support/test-clock.ts";

const bytes = content(100_000);

function scene(script: (nth: number) => Script, change: Partial<ResumingAsk> = {}) {
  const upstream = new ScriptedRegistry(bytes, (_, nth) => ({ piece: 1_000, ...script(nth) }));
  const open = openerOf(upstream);
  const clock = new TestClock();
  const breaks: Break[] = [];
  const signal = change.signal ?? new AbortController().signal;
  const body = new ResumingBody({
    open: (offset) => open(askFor(digestOf(bytes)), offset, signal),
    host: "registry.example",
    from: 0,
    size: undefined,
    isUnderway: false,
    onBreak: (what) => void breaks.push(what),
    clock,
    signal,
    ...change,
  });
  return { body, upstream, clock, breaks };
}

async function whole(body: ResumingBody): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

describe("a resuming body", () => {
  it("goes on where a connection broke", async () => {
    const { body, breaks } = scene((nth) => (nth === 0 ? { cutAt: 40_000 } : {}));
    expect((await whole(body)).equals(bytes)).toBe(true);
    expect(breaks).toMatchObject([{ offset: 40_000, attempt: 1, error: { code: "RESET" } }]);
  });

  it("starts anywhere", async () => {
    const { body, upstream } = scene(() => ({}), { from: 70_000 });
    expect((await whole(body)).equals(bytes.subarray(70_000))).toBe(true);
    expect(upstream.sent).toBe(30_000);
    expect(body.size).toBe(bytes.length);
  });

  it.each([
    ["once something came", true, [400, 800, 1_600, 3_200, 5_000]],
    ["and while nothing ever came no longer than a head may wait", false, [400, 800, 1_600]],
  ])("waits from 0.2 s to 5 s between tries, by chance, %s", async (_, isUnderway, expected) => {
    const pauses: number[] = [];
    const { body } = scene(() => ({ cutAt: 0 }), {
      isUnderway,
      clock: {
        ...systemClock,
        random: () => 0.999_999,
        after: (milliseconds, act) => {
          pauses.push(Math.round(milliseconds));
          const soon = setImmediate(act);
          return () => clearImmediate(soon);
        },
      },
    });
    await expect(whole(body)).rejects.toMatchObject({ code: "RESET" });
    expect(pauses).toEqual(expected);
  });

  it("counts only tries that bring nothing", async () => {
    const { body, breaks } = scene(
      (nth) => (nth % 4 === 3 ? { cutAt: nth * 5_000 } : { status: 500 }),
      {
        isUnderway: true,
      },
    );
    expect((await whole(body)).equals(bytes)).toBe(true);
    expect(Math.max(...breaks.map(({ attempt }) => attempt))).toBe(4);
  });

  it("does not repeat the very first request, for the client can be told", async () => {
    const { body, upstream } = scene(() => ({ status: 500 }));
    await expect(whole(body)).rejects.toMatchObject({ response: { status: 500 } });
    expect(upstream.seen).toHaveLength(1);
  });

  it.each(["FORBIDDEN", "REDIRECT", "TOO_LARGE"] as const)(
    "does not try again after %s",
    async (code) => {
      const fail = new UpstreamError(code, "test", "no");
      const { body, upstream } = scene((nth) => (nth === 0 ? { cutAt: 5 } : { fail }));
      await expect(whole(body)).rejects.toBe(fail);
      expect(upstream.seen).toHaveLength(2);
    },
  );

  it("refuses more bytes than were declared", async () => {
    const declared = scene(() => ({ noLength: true }), { size: 99_999 });
    await expect(whole(declared.body)).rejects.toMatchObject({ code: "WRONG_LENGTH" });
  });

  it("stops waiting when it is told to", async () => {
    const stop = new AbortController();
    const { body } = scene(() => ({ cutAt: 5 }), {
      signal: stop.signal,
      clock: { ...systemClock, after: () => () => undefined },
      onBreak: () => void setImmediate(() => stop.abort(new Error("enough"))),
    });
    await expect(whole(body)).rejects.toThrow("enough");
  });
});
