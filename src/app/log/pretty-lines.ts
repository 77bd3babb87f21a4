/**
 * The log as a person reads it: the fields of a line in, a line for the terminal out. A request takes
 * one line of 80 columns, its image cut in the middle if need be; why one failed stands below it.
 */
import { maskFor } from "./mask.ts";

/** What a line says: `level`, `time`, `msg` and the facts, all of which JSON can hold. */
export type LineFields = Readonly<Record<string, unknown>>;

export type PrettyOptions = {
  readonly hasColours: boolean;
  readonly secrets: Iterable<string>;
  /** Of the terminal right now; undefined where there is none, and nothing is cut. */
  readonly columns?: () => number | undefined;
};

const dim = "\u001b[2m";
const plainColour = "\u001b[0m";
const colours: Readonly<Record<string, string>> = {
  debug: dim,
  warn: "\u001b[33m",
  error: "\u001b[31m",
};

/** Hits are what one wants to see, misses cost, stale answers and refusals are to be looked into. */
const outcomeColours: Readonly<Record<string, string>> = {
  hit: "\u001b[32m",
  collapsed: "\u001b[32m",
  revalidated: "\u001b[32m",
  miss: "\u001b[36m",
  stale: "\u001b[33m",
  refused: "\u001b[35m",
  failed: "\u001b[31m",
};

export function prettyPrinter(options: PrettyOptions): (fields: LineFields) => string {
  const { hasColours, secrets, columns = () => undefined } = options;
  const mask = maskFor(secrets);
  const coloured = (colour: string | undefined, text: string): string =>
    hasColours && colour !== undefined && text !== "" ? `${colour}${text}${plainColour}` : text;
  let lastDay = "";
  return ({ time, level, msg, ...all }) => {
    const facts = withoutGaps(all);
    const { day, clock } = localTime(time);
    const heading = day === "" || day === lastDay ? "" : `${coloured(dim, `── ${day} ──`)}\n`;
    lastDay = day;
    if (msg !== "request") {
      const mark = level === "info" ? "" : `${String(level)}: `;
      const words = `${clock} ${mark}${String(msg)}${factWords(facts)}`;
      return heading + coloured(colours[String(level)], mask(words));
    }
    const { outcome, before, image, below } = requestWords(facts);
    const word = outcome.padEnd(longestOutcome);
    const start = `${clock} ${word} ${before} `;
    const room = Math.max(shortestImage, (columns() ?? Number.POSITIVE_INFINITY) - start.length);
    const [timed, rest] = [mask(`${clock} `), mask(` ${before} ${cutInTheMiddle(image, room)}`)];
    const line = timed + coloured(outcomeColours[outcome], word) + rest;
    const why =
      below === "" ? "" : `\n${coloured(colours[String(level)] ?? dim, mask(`         ${below}`))}`;
    return heading + line + why;
  };
}

const longestOutcome = "revalidated".length;

/** Less of an image says nothing. */
const shortestImage = 24;

type RequestWords = {
  readonly outcome: string;
  /** `3.1 MiB 12 ms 10.0.0.7`, in columns. */
  readonly before: string;
  /** `docker.io/library/alpine:3.20`; what is no `200 GET` has that in front. */
  readonly image: string;
  /** Why it failed, and whatever else there is to tell. */
  readonly below: string;
};

function requestWords(facts: LineFields): RequestWords {
  const {
    client,
    door: _,
    registry,
    repository,
    method,
    what,
    status,
    bytes,
    cache,
    ms,
    // What decided it is for who looks for it: in the JSON, on the dashboard, by `entrepot explain`.
    why: _why,
    open: _open,
    said: _said,
    login: _login,
    ...rest
  } = facts;
  const outcome = cache === undefined ? outcomeOf(Number(status), String(what)) : String(cache);
  const size = printBytes(Number(bytes)).padStart(8);
  const before = `${size} ${printTime(Number(ms)).padStart(7)} ${String(client).padEnd(9)}`;
  const unusual = [status === 200 ? "" : String(status), method === "GET" ? "" : String(method)];
  const image = imageOf({ registry, repository, what: String(what) });
  const { error, ...others } = rest;
  return {
    outcome,
    before,
    image: [...unusual, image].filter((part) => part !== "").join(" "),
    below: [error === undefined ? "" : String(error), factWords(others).trim()]
      .filter((part) => part !== "")
      .join("  "),
  };
}

function outcomeOf(status: number, what: string): string {
  if (what === "ping" && status === 401) return "challenge";
  if (status >= 500) return "failed";
  return status >= 400 ? "refused" : "own";
}

function imageOf(of: { registry: unknown; repository: unknown; what: string }): string {
  const { repository, what } = of;
  // How it is spoken to is no part of an image's name.
  const registry = String(of.registry).replace(/^http:\/\//, "");
  if (repository === undefined) return `${registry} ${what}`;
  const name = `${registry}/${String(repository)}`;
  if (/^sha\d+:/.test(what)) return `${name}@${shortDigest(what)}`;
  return isKindOfRequest.test(what) ? `${name} ${what}` : `${name}:${what}`;
}

/** No tag has a name of these words and asks for nothing else. */
const isKindOfRequest = /^(?:tags|referrers|upload|upload-start|other|outside)$/;

/** Its start names the registry, its end the tag: what is between can be guessed. */
function cutInTheMiddle(text: string, room: number): string {
  if (text.length <= room) return text;
  const end = Math.ceil((room - 1) * 0.6);
  return `${text.slice(0, room - 1 - end)}…${text.slice(-end)}`;
}

/** Of this machine; the day as a person says it. */
function localTime(time: unknown): { readonly day: string; readonly clock: string } {
  const date = new Date(typeof time === "string" ? time : Number.NaN);
  if (Number.isNaN(date.getTime())) return { day: "", clock: "" };
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return { day, clock };
}

function factWords(facts: LineFields): string {
  return Object.entries(facts)
    .map(
      ([name, value]) =>
        `  ${name}=${/\s/.test(String(value)) ? JSON.stringify(value) : String(value)}`,
    )
    .join("");
}

function shortDigest(what: string): string {
  return what.replace(/^(sha\d+:[0-9a-f]{12})[0-9a-f]+$/, "$1");
}

/** `850 ms`, `12.3 s`, `4 min`. */
function printTime(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`;
  if (milliseconds < 100_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  return `${Math.round(milliseconds / 60_000)} min`;
}

export function printBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024;
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** As JSON leaves them out. */
function withoutGaps(facts: LineFields): LineFields {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
