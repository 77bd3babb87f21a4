import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { abortedError, upstreamDeadline } from "../../src/upstream/upstream-deadline.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { eventually } from "../support/eventually.ts";

const never = new AbortController().signal;

describe("a deadline", () => {
  it("ends the wait with TIMEOUT, saying what did not happen", async () => {
    using deadline = upstreamDeadline(never, "reg.test", 20, "reg.test did not answer");
    await eventually(() => deadline.signal.aborted);
    expect(deadline.signal.reason).toMatchObject({
      code: "TIMEOUT",
      host: "reg.test",
      message: "reg.test did not answer within 0 s",
    });
  });

  it("does not count the time in which this process was held up itself", async () => {
    using deadline = upstreamDeadline(never, "reg.test", 80, "reg.test did not answer");
    await nextTurn();
    const end = performance.now() + 300;
    while (performance.now() < end);
    await nextTurn();
    expect(deadline.signal.aborted).toBe(false);
    await eventually(() => deadline.signal.aborted);
  });

  it("ends the wait with ABORTED when the caller does", () => {
    const caller = new AbortController();
    using deadline = upstreamDeadline(caller.signal, "reg.test", 1_000, "");
    const reason = new Error("gone");
    caller.abort(reason);
    expect(deadline.signal.reason).toMatchObject({ code: "ABORTED", cause: reason });
  });

  it("has ended already when the caller has", () => {
    using deadline = upstreamDeadline(AbortSignal.abort(), "reg.test", 1_000, "");
    expect(deadline.signal.reason).toMatchObject({ code: "ABORTED" });
  });

  it("keeps a reason that is an UpstreamError", () => {
    const reason = new UpstreamError("TIMEOUT", "reg.test", "late");
    expect(abortedError("reg.test", AbortSignal.abort(reason))).toBe(reason);
  });

  it("follows only the caller once disarmed, and nobody once disposed", async () => {
    const caller = new AbortController();
    const disarmed = upstreamDeadline(caller.signal, "reg.test", 10, "");
    const disposed = upstreamDeadline(caller.signal, "reg.test", 10, "");
    const other = upstreamDeadline(never, "reg.test", 20, "");
    disarmed.disarm();
    disposed[Symbol.dispose]();
    await eventually(() => other.signal.aborted);
    expect(disarmed.signal.aborted).toBe(false);
    caller.abort();
    expect(disarmed.signal.aborted).toBe(true);
    expect(disposed.signal.aborted).toBe(false);
  });

  it("without a limit waits for the caller alone", () => {
    const caller = new AbortController();
    using deadline = upstreamDeadline(caller.signal, "reg.test", undefined, "");
    expect(deadline.signal.aborted).toBe(false);
    caller.abort();
    expect(deadline.signal.aborted).toBe(true);
  });
});
