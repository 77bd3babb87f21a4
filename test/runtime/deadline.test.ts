import { beforeEach, describe, expect, it } from "vitest";
import { abortedError, upstreamDeadline } from "../../src/upstream/upstream-deadline.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

const host = "reg.test";
const never = new AbortController().signal;

let clock: SteppedClock;
beforeEach(() => {
  clock = new SteppedClock();
});

const deadlineOf = (parent: AbortSignal, milliseconds: number | undefined) =>
  upstreamDeadline(clock, parent, { host, milliseconds, what: "reg.test did not answer" });

describe("a deadline", () => {
  it("ends the wait with TIMEOUT, saying what did not happen", () => {
    using deadline = deadlineOf(never, 1_500);
    clock.pass(1_499);
    expect(deadline.signal.aborted).toBe(false);
    clock.pass(1);
    expect(deadline.signal.reason).toMatchObject({
      code: "TIMEOUT",
      host: "reg.test",
      message: "reg.test did not answer within 1.5 s",
    });
  });

  it("does not count the time in which this process was held up itself", () => {
    using deadline = deadlineOf(never, 80);
    clock.standStill(300);
    expect(deadline.signal.aborted).toBe(false);
    clock.pass(80);
    expect(deadline.signal.aborted).toBe(true);
  });

  it("ends the wait with ABORTED when the caller does", () => {
    const caller = new AbortController();
    using deadline = deadlineOf(caller.signal, 1_000);
    const reason = new Error("gone");
    caller.abort(reason);
    expect(deadline.signal.reason).toMatchObject({ code: "ABORTED", cause: reason });
  });

  it("has ended already when the caller has", () => {
    using deadline = deadlineOf(AbortSignal.abort(), 1_000);
    expect(deadline.signal.reason).toMatchObject({ code: "ABORTED" });
  });

  it("keeps a reason that is an UpstreamError", () => {
    const reason = new UpstreamError("TIMEOUT", "reg.test", "late");
    expect(abortedError("reg.test", AbortSignal.abort(reason))).toBe(reason);
  });

  it("follows only the caller once disarmed, and nobody once disposed", () => {
    const caller = new AbortController();
    const disarmed = deadlineOf(caller.signal, 10);
    const disposed = deadlineOf(caller.signal, 10);
    const other = deadlineOf(never, 20);
    disarmed.disarm();
    disposed[Symbol.dispose]();
    clock.pass(20);
    expect(other.signal.aborted).toBe(true);
    expect(disarmed.signal.aborted).toBe(false);
    caller.abort();
    expect(disarmed.signal.aborted).toBe(true);
    expect(disposed.signal.aborted).toBe(false);
  });

  it("without a limit waits for the caller alone", () => {
    const caller = new AbortController();
    using deadline = deadlineOf(caller.signal, undefined);
    expect(deadline.signal.aborted).toBe(false);
    caller.abort();
    expect(deadline.signal.aborted).toBe(true);
  });
});
