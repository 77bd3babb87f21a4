/** `entrepot health`: asks the server on this machine whether it is ready; for containers and units. */
import { formatHostPort } from "../../protocol/http/host-port.ts";

export type HealthParts = {
  readonly host: string;
  readonly port: number;
  readonly print: (line: string) => void;
  readonly fail: (sentence: string) => void;
  readonly timeout?: number;
};

/** Resolves with 0 if `/readyz` answers 200, else with 1. */
export async function checkHealth(parts: HealthParts): Promise<number> {
  const { port, print, fail, timeout = 5_000 } = parts;
  const address = formatHostPort({ host: reachable(parts.host), port });
  try {
    const response = await fetch(`http://${address}/readyz`, {
      signal: AbortSignal.timeout(timeout),
    });
    const body = (await response.text()).trim();
    if (response.ok) print(body || "ready");
    else fail(`${address} is not ready: ${body || response.status}`);
    return response.ok ? 0 : 1;
  } catch (error) {
    fail(`${address} does not answer (${reason(error)})`);
    return 1;
  }
}

/** What listens everywhere is asked on loopback. */
function reachable(host: string): string {
  if (host === "::") return "localhost";
  return host === "0.0.0.0" ? "127.0.0.1" : host;
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string")
    return cause.code;
  return cause instanceof Error ? cause.name : String(cause);
}
