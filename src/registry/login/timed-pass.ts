/**
 * Pings and token requests are answered within ten seconds: engines wait no longer. Once the
 * upstream's headers are there, the time no longer counts.
 */
import type { Passed } from "../../cache/content.ts";
import { upstreamDeadline } from "../../upstream/upstream-deadline.ts";
import type { Exchange } from "../exchange.ts";

const usualMs = 10_000;

/** Rejects with UpstreamError TIMEOUT when `pass` takes too long. */
export async function passInTime(
  exchange: Exchange,
  pass: (timed: Exchange) => Promise<Passed>,
  milliseconds = usualMs,
): Promise<Passed> {
  const { name } = exchange.ask.registry;
  const deadline = upstreamDeadline(exchange.signal, name, milliseconds, `${name} did not answer`);
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
