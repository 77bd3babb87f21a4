/** What it means upstream that a wait ends: UpstreamError TIMEOUT or ABORTED, naming the host. */
import type { Clock } from "../runtime/clock.ts";
import { Deadline } from "../runtime/deadline.ts";
import { UpstreamError } from "./upstream-error.ts";

type UpstreamLimit = {
  readonly host: string;
  /** Undefined is no limit. */
  readonly milliseconds: number | undefined;
  /** What did not happen in time, as in "registry.lan did not answer". */
  readonly what: string;
};

export function upstreamDeadline(
  clock: Clock,
  parent: AbortSignal,
  { host, milliseconds, what }: UpstreamLimit,
): Deadline {
  return new Deadline(
    parent,
    { clock, milliseconds },
    {
      late: (seconds) => new UpstreamError("TIMEOUT", host, `${what} within ${seconds} s`),
      ended: abortedBy(host),
    },
  );
}

/** What a caller who ended the wait himself gets; a reason that already says more is kept. */
export function abortedError(host: string, signal: AbortSignal): UpstreamError {
  if (signal.reason instanceof UpstreamError) return signal.reason;
  return new UpstreamError("ABORTED", host, `the wait for ${host} was ended by the one who asked`, {
    cause: signal.reason,
  });
}

/** The same, for a wait at that host. */
export function abortedBy(host: string): (signal: AbortSignal) => UpstreamError {
  return (signal) => abortedError(host, signal);
}
