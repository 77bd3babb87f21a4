/** Sizes and times with their unit in the text: `32 GiB`, `32g`, `10 s`, `1 h 30 min`. */
import { type Kind, kind } from "./kind.ts";

/** As nginx and docker-registry-proxy write them, one letter is a power of 1,024. */
const bytesIn: Readonly<Record<string, number>> = {
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 1e3,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1e6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1e9,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1e12,
};

const millisecondsIn: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  sec: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

export type FreeSpace = {
  /** Part of the volume, from 0 to 1. */
  readonly fraction: number;
  readonly bytes: number;
};

/** In bytes. */
export const size: Kind<number> = kind(
  "size",
  'a size with its unit, such as "32 GiB" or 32g',
  (text) => measure(text, bytesIn),
);

/** In milliseconds. */
export const duration: Kind<number> = kind(
  "time",
  'a time with its unit, such as "10 s", "5 min" or 24h',
  timeOf,
);

/** In milliseconds; undefined for what is no time. */
export function timeOf(text: string): number | undefined {
  return measure(text, millisecondsIn);
}

/** The larger of both is kept free. */
export const freeSpace: Kind<FreeSpace> = kind(
  "space",
  'a part of the volume, a size or both, such as "5 % or 1 GiB"',
  (text) => {
    const parts = text.split(/\bor\b/i);
    const fractions = parts.map(percent).filter((value) => value !== undefined);
    const sizes = parts.filter((part) => percent(part) === undefined);
    const bytes = sizes.map((part) => measure(part, bytesIn));
    if (fractions.length > 1 || bytes.length > 1 || bytes.includes(undefined)) return undefined;
    return { fraction: fractions[0] ?? 0, bytes: bytes[0] ?? 0 };
  },
);

/** The whole of one or more amounts; nothing else may stand between or around them. */
function measure(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const compact = text.trim().toLowerCase();
  if (compact === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/.test(compact)) return undefined;
  let total = 0;
  for (const [, amount, unit = ""] of compact.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    total +=
      Number(amount) * (Object.hasOwn(units, unit) ? (units[unit] ?? Number.NaN) : Number.NaN);
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}

function percent(text: string): number | undefined {
  const match = /^\s*(\d{1,3}(?:\.\d+)?)\s*%\s*$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]);
  return value <= 100 ? value / 100 : undefined;
}
