/** The log as a person reads it: the fields of a line in, a line for the terminal out. */
import { maskFor } from "./mask.ts";

/** What a line says: `level`, `time`, `msg` and the facts, all of which JSON can hold. */
export type Fields = Readonly<Record<string, unknown>>;

export type PrettyOptions = { readonly hasColours: boolean; readonly secrets: Iterable<string> };

const colours: Readonly<Record<string, string>> = {
  debug: "\u001b[2m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};
const plainColour = "\u001b[0m";

export function prettyPrinter({ hasColours, secrets }: PrettyOptions): (fields: Fields) => string {
  const mask = maskFor(secrets);
  return ({ time, level, msg, ...all }) => {
    const facts = withoutGaps(all);
    const clock = typeof time === "string" ? time.slice(11, 23) : "";
    const words = msg === "request" ? requestWords(facts) : `${String(msg)}${factWords(facts)}`;
    const mark = level === "info" ? "" : `${String(level)}: `;
    const colour = hasColours ? colours[String(level)] : undefined;
    const line = mask(`${clock} ${mark}${words}`);
    return colour === undefined ? line : `${colour}${line}${plainColour}`;
  };
}

/** `200 GET docker.io/library/alpine 3.20  hit  3.1 MiB  12 ms  10.0.0.7 by proxy` */
function requestWords(facts: Fields): string {
  const { client, door, registry, repository, method, what, status, bytes, cache, ms, ...rest } =
    facts;
  const name = [registry, repository].filter((part) => part !== undefined).join("/");
  const parts = [
    `${String(status)} ${String(method)} ${name} ${shortDigest(String(what))}`,
    cache,
    printBytes(Number(bytes)),
    `${String(ms)} ms`,
    `${String(client)} by ${String(door)}`,
  ];
  return `${parts.filter((part) => part !== undefined).join("  ")}${factWords(rest)}`;
}

function factWords(facts: Fields): string {
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

export function printBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024;
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** As JSON leaves them out. */
function withoutGaps(facts: Fields): Fields {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
