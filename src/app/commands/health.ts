/**
 * `entrepot health`: asks the server on this machine whether it is ready; for containers, units and
 * scripts that wait for it. 0 it is, 1 it is not or something else answers, 3 nobody answers.
 */
import { request } from "node:http";

export type HealthPlace =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

export type HealthParts = {
  readonly place: HealthPlace;
  readonly isJson?: boolean;
  readonly print: (line: string) => void;
  readonly fail: (sentence: string) => void;
  /** Milliseconds for one answer. */
  readonly timeout?: number;
  /** For how many milliseconds it is asked again while it is not ready; not at all. */
  readonly wait?: number;
};

type Told = { readonly code: number; readonly line: string };

const [ready, failed, noServer, notAllowed] = [0, 1, 3, 4];
const betweenAsking = 250;

/** Resolves with the exit code. */
export async function checkHealth(parts: HealthParts): Promise<number> {
  const { wait = 0, print, fail } = parts;
  const until = performance.now() + wait;
  let told = await ask(parts);
  while (told.code !== ready && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, betweenAsking));
    told = await ask(parts);
  }
  if (told.code === ready) print(told.line);
  else fail(told.line);
  return told.code;
}

async function ask({ place, isJson = false, timeout = 5_000 }: HealthParts): Promise<Told> {
  const address = nameOf(place);
  try {
    const { status, body } = await readyz(place, timeout);
    const said = isJson ? body : inWords(body);
    if (status === 403) return bad(`${address} refuses this client: ${refusalIn(body)}`);
    if (said === undefined || readinessIn(body) === undefined) {
      return bad(`what answers at ${address} is not Entrepot; ${remedyFor(place)}`);
    }
    return status === 200
      ? { code: ready, line: said }
      : bad(isJson ? body : `${address} is not ready: ${said}`);
  } catch (error) {
    return notAnswered(error, place, timeout);
  }
}

function bad(line: string): Told {
  return { code: failed, line };
}

type Answer = { readonly status: number; readonly body: string };

function readyz(place: HealthPlace, timeout: number): Promise<Answer> {
  const signal = AbortSignal.timeout(timeout);
  const at = "socketPath" in place ? place : { host: reachable(place.host), port: place.port };
  return new Promise((resolve, reject) => {
    const headers = "socketPath" in place ? { host: "localhost" } : {};
    const asked = request({ ...at, path: "/readyz", headers, signal, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.once("error", reject);
      answer.once("end", () => {
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(pieces).toString().trim() });
      });
    });
    asked.once("error", reject);
    asked.end();
  });
}

type Readiness = { readonly status: string; readonly reasons?: readonly string[] };

/** As `/readyz` answers; undefined where it is not ours. */
function readinessIn(body: string): Readiness | undefined {
  try {
    const told: unknown = JSON.parse(body);
    const isOurs = typeof told === "object" && told !== null && "status" in told;
    return isOurs ? (told as Readiness) : undefined;
  } catch {
    return undefined;
  }
}

function inWords(body: string): string | undefined {
  const { status, reasons = [] } = readinessIn(body) ?? {};
  return status && [status, ...reasons.map((reason) => `  ${reason}`)].join("\n");
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

function nameOf(place: HealthPlace): string {
  if ("socketPath" in place) return place.socketPath;
  const host = reachable(place.host);
  return `${host.includes(":") ? `[${host}]` : host}:${place.port}`;
}

function remedyFor(place: HealthPlace): string {
  return "socketPath" in place
    ? "write --data-dir with the folder that it has"
    : "write HOST and PORT as the server has them";
}

function notAnswered(error: unknown, place: HealthPlace, timeout: number): Told {
  const [address, remedy] = [nameOf(place), remedyFor(place)];
  const { name, code = name } = error as NodeJS.ErrnoException;
  if (name === "AbortError" || name === "TimeoutError") {
    return bad(`${address} does not answer within ${timeout / 1_000} s`);
  }
  if (code === "ECONNREFUSED" || code === "ENOENT") {
    return { code: noServer, line: `nothing listens at ${address}; start it, or ${remedy}` };
  }
  if (code === "EACCES") {
    return { code: notAllowed, line: `${address} is another user's; ask as that user, or as root` };
  }
  return bad(`${address} does not answer (${code}); ${remedy}`);
}
