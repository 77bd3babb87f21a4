/**
 * A write on its way to its registry: what the cache knows of what it names is forgotten before it
 * is sent, and again once it is answered or lost. The write itself stands, whatever the cache does.
 */
import type { Passed } from "../../cache/content.ts";
import type { WriteFate } from "../../cache/pull/writes.ts";
import type { Reference } from "../../protocol/reference.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../upstream/upstream-error.ts";
import type { Exchange } from "../exchange.ts";
import type { CachePulls } from "../upstream-parts.ts";

export async function sendForgetting(
  exchange: Exchange,
  pulls: CachePulls,
  references: readonly Reference[],
  send: () => Promise<Passed>,
): Promise<Passed> {
  const { ask, route, tally } = exchange;
  if (!("repository" in route) || references.length === 0) return send();
  const { repository } = route;
  const attempt = async <T>(forget: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await forget();
    } catch (error) {
      tally.error = error;
      return undefined;
    }
  };
  const end = await attempt(() => pulls.writing(ask.registry, repository, references));
  let fate: WriteFate = "unknown";
  try {
    const passed = await send();
    fate = fateOf(exchange.method, passed.response.status);
    return passed;
  } catch (error) {
    if (wasNeverSent(error)) fate = "refused";
    throw error;
  } finally {
    // Before the client hears of it, so that its next pull is of what it pushed.
    await attempt(async () => end?.(fate));
  }
}

/** Who is told that there is nothing to delete is not refused: it is gone, be it along with an index. */
function fateOf(method: string, status: number): WriteFate {
  if (method === "DELETE" && (status === 404 || status === 410)) return "taken";
  if (status >= 400 && status < 500) return "refused";
  return status < 400 ? "taken" : "unknown";
}

const unsent: ReadonlySet<UpstreamErrorCode> = new Set<UpstreamErrorCode>([
  "DNS",
  "CONNECT",
  "TLS",
  "FORBIDDEN",
  "DOWN",
  "OFFLINE",
]);

function wasNeverSent(error: unknown): boolean {
  return error instanceof UpstreamError && unsent.has(error.code);
}
