/**
 * Finds every regular expression in the sources and tells which of them take more than linear time
 * on hostile text: each is run on texts made from its own letters, long and four times as long,
 * and what counts is how its time grows, in processor time of this thread.
 */
import { timeSpent } from "./longest-turn.ts";
import { type SourceFiles, withoutComments } from "./source-files.ts";

export type Found = { readonly place: string; readonly source: string; readonly flags: string };

/**
 * The short ones first: what grows faster than by a square would never come back from a long one. A
 * square shows at 8 KiB, where it takes 30 ms and more.
 */
const lengths = [16, 20, 24, 32, 128, 512, 2_048, 8_192];
const noticeableMs = 5;
/** Four times the text takes four times as long when time is linear, sixteen when it is quadratic. */
const tooMuchGrowth = 9;

// After these a slash begins an expression; after anything else it divides. What looks like one in a
// text is tried like one, or is none by its grammar.
const literal =
  /(?<=(?:^|[=(,:!&|?[{;>]|\breturn|\.\.\.)\s*)\/(?![/*])((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+)\/([dgimsuvy]*)(?=[\s.,;:)\]}])/gm;

/** The literals of these files, each once; `path:line` says where it is first. */
export function expressionsIn(files: SourceFiles): Found[] {
  const found = [...files].flatMap(([path, text]) =>
    [...withoutComments(text).matchAll(literal)]
      .filter(([, source = "", flags]) => isExpression(source, flags))
      .map(({ index, 1: source = "", 2: flags = "" }) => ({
        place: `${path}:${text.slice(0, index).split("\n").length}`,
        source,
        flags,
      })),
  );
  const seen = new Set<string>();
  return found.filter(({ source, flags }) => {
    const isNew = !seen.has(`${source}/${flags}`);
    seen.add(`${source}/${flags}`);
    return isNew;
  });
}

function isExpression(source: string, flags: string | undefined): boolean {
  try {
    return new RegExp(source, flags) instanceof RegExp;
  } catch {
    return false;
  }
}

/** A text on which it takes more than linear time, shortened; undefined when none was found. */
export function hostileText({ source, flags }: Omit<Found, "place">): string | undefined {
  const expression = new RegExp(source, flags);
  for (const { start, pump, end } of hostileTexts(source)) {
    // A long pump begins less often in the same length.
    const fill = (length: number) => start + pump.repeat(length / Math.min(pump.length, 4)) + end;
    if (growsTooFast(expression, fill)) return `${start}(${pump})…${end}`;
  }
  return undefined;
}

function growsTooFast(expression: RegExp, fill: (length: number) => string): boolean {
  const time = (length: number) => {
    const text = fill(length);
    return timeSpent(() => search(expression, text));
  };
  let atQuarter = Number.POSITIVE_INFINITY;
  for (const length of lengths) {
    // Linear: twice a square's growth from there would not be noticed.
    if (length === lengths.at(-1) && atQuarter * 32 < noticeableMs) return false;
    atQuarter = time(length);
    if (atQuarter < noticeableMs) continue;
    // Garbage may have been collected meanwhile: the best of three says more.
    const best = (each: number) => Math.min(time(each), time(each), time(each));
    if (best(length) < noticeableMs) continue;
    if (best(length) > tooMuchGrowth * best(length / 4)) return true;
  }
  return false;
}

/** As the house uses it: all matches of a global one, otherwise whether there is one. */
function search(expression: RegExp, text: string): void {
  expression.lastIndex = 0;
  if (!expression.global) expression.test(text);
  else for (const _ of text.matchAll(expression));
}

type Hostile = { readonly start: string; readonly pump: string; readonly end: string };

/** Repetitions of what the expression looks for, behind what it wants first, before what it does not. */
function hostileTexts(source: string): Hostile[] {
  const words = wordsOf(source);
  const letters = [...new Set([...words.flatMap((word) => [...word]), "a", "0", " ", "-", "\n"])];
  const pairs = words.flatMap((word) => [`${word}a`, `${word} `, `a${word}`, `0${word}`]);
  const joined = words.flatMap((word, index) =>
    words.slice(index + 1, index + 4).map((next) => word + next),
  );
  const pumps = [...new Set([...letters, ...words, ...pairs, ...joined])];
  const starts = ["", "a", ...words.slice(0, 1), words.slice(0, 2).join("")];
  return pumps.flatMap((pump) =>
    [...new Set(starts)].flatMap((start) => ["\u0000", "\n!"].map((end) => ({ start, pump, end }))),
  );
}

/** The literal runs of an expression, a letter for each class, and the letters its classes name. */
function wordsOf(source: string): string[] {
  const words: string[] = [];
  let run = "";
  const flush = (): void => {
    if (run !== "") words.push(run);
    run = "";
  };
  for (const [part] of source.matchAll(
    /\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\.|\[(?:\\.|[^\]\\])*\]|\{[\d,]+\}|\(\?<?[:=!]|[\s\S]/gi,
  )) {
    const letters = lettersOf(part);
    if (letters === undefined) flush();
    else if (part.length <= 2) run += letters[0];
    else {
      flush();
      words.push(...letters);
    }
  }
  flush();
  return [...new Set(words)];
}

const classes: Readonly<Record<string, string>> = {
  d: "0",
  w: "a",
  s: " ",
  S: "a",
  D: "a",
  W: "-",
};

/** What the part matches, by example; undefined for what matches no letter. */
function lettersOf(part: string): readonly string[] | undefined {
  if (part.startsWith("[") && part.length > 1) {
    const named = part.replace(/^\[\^?|\]$|\\[wdsWDSbxu]|\w-\w/g, "").replace(/\\(.)/g, "$1");
    return [...new Set([...named.slice(0, 6), "a", "0"])];
  }
  if (part.startsWith("\\")) {
    const letter = part[1] ?? "";
    if (letter === "b" || letter === "B") return undefined;
    if (letter === "n") return ["\n"];
    return [classes[letter] ?? letter];
  }
  if (part === ".") return ["a"];
  return /^[\^$*+?()|{[\]]|^\(\?|^\{/.test(part) ? undefined : [part];
}
