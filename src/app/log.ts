/**
 * What the rooms tell becomes lines of the log: JSON for machines, a plain line for people. Nothing
 * leaves here before secrets are masked and control characters shown as such.
 */
import { pino } from "pino";
import type { Observe } from "../cache/cache-event.ts";
import type { ObserveDoor } from "../doors/door-event.ts";
import type { ObserveHosted } from "../hosted/hosted-event.ts";
import type { ObserveRegistry } from "../registry/registry-event.ts";
import type { ObserveStore } from "../store/store-event.ts";
import type { ObserveAuth } from "../upstream/auth/auth-event.ts";
import type { ObserveUpstream } from "../upstream/upstream-event.ts";
import {
  authLine,
  cacheLine,
  doorLine,
  type Facts,
  hostedLine,
  type Level,
  type Line,
  requestLine,
  storeLine,
  upstreamLine,
} from "./log/event-lines.ts";
import { maskFor } from "./log/mask.ts";
import { type LineFields, prettyPrinter } from "./log/pretty-lines.ts";

const weight: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export type LogOptions = {
  readonly level: Level | "silent";
  readonly format: "json" | "pretty";
  readonly hasColours: boolean;
  readonly secrets: readonly string[];
  /** Of the terminal right now, if it goes to one. */
  readonly columns?: () => number | undefined;
  /** Gets whole lines, each with its line break. */
  readonly write: (line: string) => void;
};

/** An `observe` for each room, and words of our own. */
export type Log = {
  readonly registry: ObserveRegistry;
  readonly door: ObserveDoor;
  readonly cache: Observe;
  readonly store: ObserveStore;
  readonly upstream: ObserveUpstream;
  readonly auth: ObserveAuth;
  readonly hosted: ObserveHosted;
  readonly note: (level: Level, message: string, facts?: Facts) => void;
};

export function createLog(options: LogOptions): Log {
  const { level, format, secrets, write } = options;
  const print = format === "pretty" ? prettyPrinter(options) : jsonPrinter(secrets);
  const isoTime = isoTimes(Date.now);
  const put = ({ level: its, message, facts }: Line): void => {
    if (level === "silent" || weight[its] < weight[level]) return;
    write(`${print({ level: its, time: isoTime(), ...facts, msg: message })}\n`);
  };
  return {
    registry: (event) => put(requestLine(event)),
    door: (event) => put(doorLine(event)),
    cache: (event) => put(cacheLine(event)),
    store: (event) => put(storeLine(event)),
    upstream: (event) => event.kind !== "received" && put(upstreamLine(event)),
    auth: (event) => put(authLine(event)),
    hosted: (event) => put(hostedLine(event)),
    note: (noted, message, facts = {}) => put({ level: noted, message, facts }),
  };
}

/** `2026-…Z`, printed once a millisecond, however many lines that has. */
function isoTimes(now: () => number): () => string {
  let [last, text] = [0, ""];
  return () => {
    const time = now();
    if (time !== last) [last, text] = [time, new Date(time).toISOString()];
    return text;
  };
}

/** A secret with quotes in it looks different inside JSON. */
function jsonPrinter(secrets: readonly string[]): (fields: LineFields) => string {
  const mask = maskFor(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]));
  return (fields) => mask(JSON.stringify(fields));
}

/** Where lines go, apart from the requests they tell of: a reader that is slow never holds one up. */
export type Output = {
  readonly write: (line: string) => void;
  /** Resolves when all lines are out, or when nobody takes them. */
  readonly end: () => Promise<void>;
};

/** Lines beyond so many characters waiting are dropped: the log must not eat the memory. */
const mostWaiting = 16 * 2 ** 20;
/** Lines are written together, so many milliseconds' worth: a write for each request costs more than the line. */
const together = 50;

export function openOutput(descriptor: number): Output {
  const output = pino.destination({ dest: descriptor, sync: false, maxLength: mostWaiting });
  // Nobody reads any more (EPIPE): that is no reason to stop serving.
  output.on("error", () => undefined);
  let lines = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    output.write(lines);
    lines = "";
  };
  const write = (line: string): void => {
    lines += line;
    timer ??= setTimeout(flush, together).unref();
  };
  const end = (): Promise<void> =>
    new Promise((resolve) => {
      clearTimeout(timer);
      flush();
      output.once("close", resolve);
      output.once("error", () => resolve());
      output.end();
    });
  return { write, end };
}
