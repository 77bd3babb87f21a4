/**
 * Finds promises nobody waits for that the linter misses: async functions given to callers that
 * ignore what they return, and calls of promise-giving functions that stand alone as a statement.
 */
import { type SourceFiles, withoutComments } from "./source-files.ts";

/** One line per breach: `path:line: what is wrong`. */
export function promiseBreaches(files: SourceFiles): string[] {
  const texts = [...files].map(([path, source]) => [path, withoutComments(source)] as const);
  const atOnce = closingAtOnce(texts.map(([, text]) => text));
  return texts.flatMap(([path, text]) => {
    const found = [...ignoredFunctions(text), ...bareCalls(text, atOnce)];
    return found.map(({ at, what }) => `${path}:${lineOf(text, at)}: ${what}`);
  });
}

type Finding = { readonly at: number; readonly what: string };

const ignoring =
  "(?:\\.(?:on|once|addListener|prependListener)|\\bcreateServer|\\bset(?:Timeout|Interval|Immediate))";

function ignoredFunctions(text: string): Finding[] {
  const names = asyncNames(text).map((name) => `(?:this\\.)?${name}`);
  const callees = ["async\\b", ...names.map((name) => `${name}\\s*[,)]`)];
  const calls = names.map((name) => `(?:\\([^()]*\\)|\\w+)\\s*=>\\s*${name}\\(`);
  const given = `(?:${[...callees, ...calls].join("|")})`;
  const call = new RegExp(`${ignoring}\\(\\s*(?:[^(),]+,\\s*)?${given}`, "g");
  return [...text.matchAll(call)].map(({ index }) => ({
    at: index,
    what: "an async function is given to a caller that ignores its promise",
  }));
}

function asyncNames(text: string): string[] {
  const named = /\basync\s+(?:function\s*\*?\s*)?(#?\w+)\s*[(<]|\b(\w+)\s*=\s*async\b/g;
  return [...text.matchAll(named)]
    .map(([, method, variable]) => method ?? variable ?? "")
    .filter((name) => name !== "function" && name !== "");
}

// Of Node: these return nothing, or report by a callback.
const nodeCloser = /(?:server|database|watcher|channel|port|readline)$/i;

/** What a value is called that closes at once: `writer` for the house's own `BodyWriter`. */
function closingAtOnce(texts: readonly string[]): (receiver: string) => boolean {
  const types = texts
    .flatMap((text) => text.split(/^(?=(?:export )?(?:class|interface|type) )/m))
    .filter((part) => /\bclose(?:\(\)|: \(\)): void\b|\bclose: \(\) => void\b/.test(part))
    .map((part) => /^(?:export )?\w+ (\w+)/.exec(part)?.[1]?.toLowerCase() ?? "");
  return (receiver) => {
    const name = /(\w+)\??$/.exec(receiver)?.[1]?.toLowerCase() ?? "";
    return nodeCloser.test(name) || types.some((type) => isPartOf(name, type));
  };
}

/** `writer` and `body` both stand for a BodyWriter. */
function isPartOf(name: string, type: string): boolean {
  return name !== "" && (type.startsWith(name) || type.endsWith(name));
}

const closing =
  /^[ \t]*(?:(?:if|for|while) \(.*\) |else )?(?!await|void|return)[\w#.?[\]()!]*[\w\])]\??\.close\(\);$/gm;

function bareCalls(text: string, isAtOnce: (receiver: string) => boolean): Finding[] {
  const closers = [...text.matchAll(closing)]
    .filter(({ 0: line }) => !isAtOnce(line.replace(/\.close\(\);$/, "")))
    .filter(({ index }) => isStatement(text, index))
    .map(({ index }) => ({ at: index, what: "nobody waits for .close()" }));
  return [...closers, ...promisedNames(text).flatMap((name) => bareCallsOf(text, name))];
}

/** Local names of what is imported from `node:…/promises`; of a namespace, `name.` with any member. */
function promisedNames(text: string): string[] {
  const imported = /^import\s+(?!type\b)([^;"]+?)\s+from\s+"node:[\w/]+\/promises";/gm;
  return [...text.matchAll(imported)].flatMap(([, clause = ""]) => {
    const inBraces = /\{([^}]*)\}/.exec(clause)?.[1];
    if (inBraces === undefined) return [`${clause.replace(/^\*\s+as\s+/, "")}\\.\\w+`];
    return inBraces
      .split(",")
      .map((name) => name.trim().replace(/^.*\sas\s+/, ""))
      .filter((name) => name !== "" && !name.startsWith("type "));
  });
}

function bareCallsOf(text: string, name: string): Finding[] {
  const start = new RegExp(`^[ \\t]*(?:(?:if|for|while) \\(.*\\) |else )?${name}\\(`, "gm");
  return [...text.matchAll(start)]
    .filter(({ index }) => isStatement(text, index))
    .filter(({ index, 0: opened }) => text[endOfCall(text, index + opened.length)] === ";")
    .map(({ index }) => ({ at: index, what: "nobody waits for a call of node:…/promises" }));
}

/** Whether a statement starts on this line: the code before it has ended. */
function isStatement(text: string, lineStart: number): boolean {
  return /(?:^|[;{})]|\belse)\s*$/.test(text.slice(0, lineStart));
}

/** The position behind the closing parenthesis. */
function endOfCall(text: string, from: number): number {
  let depth = 1;
  let at = from;
  for (; at < text.length && depth > 0; at += 1) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
  }
  return at;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
