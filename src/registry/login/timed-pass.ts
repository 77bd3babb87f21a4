/**
 * Pings and token requests are answered within ten seconds: engines wait no longer. Once the
 * upstream's headers are there, the time no longer counts.
 */
import type { Passed } from "../../cache/content.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { upstreamDeadline } from "../../upstream/upstream-deadline.ts";
import type { Exchange } from "../exchange.ts";

const usualMs = 10_000;

type Timing = { readonly milliseconds?: number | undefined; readonly clock?: Clock };

/** Rejects with UpstreamError TIMEOUT when `pass` takes too long. */
export async function passInTime(
  exchange: Exchange,
  pass: (timed: Exchange) => Promise<Passed>,
  { milliseconds = usualMs, clock = systemClock }: Timing = {},
): Promise<Passed> {
  const { name } = exchange.ask.registry;
  const limit = { host: name, milliseconds, what: `${name} did not answer` };
  const deadline = upstreamDeadline(clock, exchange.signal, limit);
  try {
    const passed = await pass({ ...exchange, signal: deadline.signal });
    passed.response.body.once("close", () => deadline[Symbol.dispose]());
    return passed;
  } catch (error) {
    deadline[Symbol.dispose]();
    throw error;
  } finally {
    deadline.disarm();
  }
}
