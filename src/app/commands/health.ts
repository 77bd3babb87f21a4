/** `entrepot health`: asks the server on this machine whether it is ready; for containers and units. */
import { formatHostPort } from "../../protocol/http/host-port.ts";

export type HealthParts = {
  readonly host: string;
  readonly port: number;
  readonly print: (line: string) => void;
  readonly fail: (sentence: string) => void;
  readonly timeout?: number;
};

const remedy = "write HOST and PORT as the server has them";

/** Resolves with 0 if `/readyz` answers 200, else with 1. */
export async function checkHealth(parts: HealthParts): Promise<number> {
  const { port, print, fail, timeout = 5_000 } = parts;
  const address = formatHostPort({ host: reachable(parts.host), port });
  try {
    const response = await fetch(`http://${address}/readyz`, {
      signal: AbortSignal.timeout(timeout),
    });
    const body = (await response.text()).trim();
    if (response.status === 403) fail(`${address} refuses this client: ${refusalIn(body)}`);
    else if (!isOurs(body)) fail(`what answers at ${address} is not Entrepot; ${remedy}`);
    else if (response.ok) print(body);
    else fail(`${address} is not ready: ${body}`);
    return response.ok && isOurs(body) ? 0 : 1;
  } catch (error) {
    fail(reason(error, address, timeout));
    return 1;
  }
}

/** As `/readyz` answers. */
function isOurs(body: string): boolean {
  try {
    const told: unknown = JSON.parse(body);
    return typeof told === "object" && told !== null && "status" in told;
  } catch {
    return false;
  }
}

/** The sentence of a registry error body, as every door refuses; anything else as it came, cut short. */
function refusalIn(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: readonly { message?: unknown }[] };
    const message = errors?.[0]?.message;
    if (typeof message === "string") return message;
  } catch {
    // Not JSON.
  }
  return body.replace(/\s/g, " ").slice(0, 200);
}

/** What listens everywhere is asked on loopback. */
function reachable(host: string): string {
  if (host === "::") return "localhost";
  return host === "0.0.0.0" ? "127.0.0.1" : host;
}

function reason(error: unknown, address: string, timeout: number): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof Error)) return `${address} does not answer (${String(cause)})`;
  if (cause.name === "TimeoutError")
    return `${address} does not answer within ${timeout / 1_000} s`;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : cause.name;
  if (code === "ECONNREFUSED") return `nothing listens at ${address}; start it, or ${remedy}`;
  return `${address} does not answer (${code}); ${remedy}`;
}
