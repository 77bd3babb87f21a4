/** How numbers, times, digests and reasons read on a page. */
import type { Reason } from "../../cache/why.ts";
import { type Html, html } from "../server/html.ts";

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024;
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${Math.round((100 * part) / whole)} %`;
}

/** `850 ms`, `4.2 s`, `3 min`, `2 h`, `5 d`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

/** A moment, as how long ago it was; the exact time is there for who points at it. */
export function ago(at: number | undefined, now: number): Html {
  if (at === undefined) return html`never`;
  const exact = new Date(at).toISOString();
  const shown = `${duration(Math.max(0, now - at))} ago`;
  return html`<time datetime="${exact}" title="${exact}">${shown}</time>`;
}

export function shortDigest(text: string): string {
  return text.replace(/^sha\d+:([0-9a-f]{12})[0-9a-f]+$/, "$1");
}

/** What each reason is for people. */
export const reasonText: Readonly<Record<Reason, string>> = {
  kept: "it is kept, and open to who asks",
  fresh: "the tag was confirmed within its time",
  immutable: "a rule says that the tag never moves",
  "failed lately": "the registry could not say a moment ago",
  "missing lately": "the registry said a moment ago that there is none",
  unknown: "it was never asked for",
  expired: "the tag was confirmed too long ago",
  imported: "the tag was imported, and its registry has not said yet what it means",
  "never believed": "a rule has the tag confirmed each time",
  "no-cache": "the client wanted it confirmed",
  "not kept": "it is not kept",
  "not proven": "nothing shows yet that it is open to who asks",
  "old proof": "what shows that it is open to who asks was to be renewed",
  "may push": "a push goes by what the registry itself has",
  list: "lists are asked for each time",
  policy: "POLICY does not allow it",
};
