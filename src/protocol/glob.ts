/**
 * Patterns for names with slashes: `*` stays within a segment, `**` does not, `?` is one character.
 * A glob takes time in proportion to the name, however many stars it has: names are foreign.
 */

export type Pattern = { readonly test: (name: string) => boolean };

export function parseGlob(pattern: string): Pattern {
  const parts = pattern.match(/\*\*|[*?]|[^*?]+/g) ?? [];
  return {
    test: (name) => {
      let reached: readonly number[] = [0];
      for (const part of parts) reached = reachedBy(part, name, reached);
      return reached.at(-1) === name.length;
    },
  };
}

/** Whether it fits a registry's canonical name. Without a port it means the usual ones, as everywhere. */
export function fitsRegistry(pattern: Pattern, name: string): boolean {
  const called = name.replace(/^http:\/\//, "");
  return [name, called, called.replace(/:80$/, "")].some((one) => pattern.test(one));
}

/** A glob, or a regular expression between slashes; throws a SyntaxError when that is malformed. */
export function parsePattern(pattern: string): Pattern {
  const expression = /^\/(.+)\/$/.exec(pattern)?.[1];
  return expression === undefined ? parseGlob(pattern) : new RegExp(expression);
}

/** Where in the name one may be behind this part, coming from these places; ascending, each once. */
function reachedBy(part: string, name: string, from: readonly number[]): readonly number[] {
  const first = from[0];
  if (first === undefined) return [];
  if (part === "**") return range(first, name.length);
  if (part === "?") {
    return from.filter((at) => at < name.length && name[at] !== "/").map((at) => at + 1);
  }
  if (part !== "*") {
    return from.filter((at) => name.startsWith(part, at)).map((at) => at + part.length);
  }
  const reached: number[] = [];
  for (const at of from) {
    const seen = reached.at(-1) ?? -1;
    if (at <= seen) continue; // the segment was walked through to its end
    const slash = name.indexOf("/", at);
    reached.push(...range(at, slash < 0 ? name.length : slash));
  }
  return reached;
}

/** Both ends included. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
