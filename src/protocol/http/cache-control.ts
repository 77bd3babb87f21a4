/** Cache-Control (RFC 9111 §5.2), as far as a registry cache listens to it. */
import type { HeaderList } from "./header-list.ts";

/** Directive names in lower case with their argument, "" when there is none; the first of a name wins. */
export type CacheDirectives = ReadonlyMap<string, string>;

const directive = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]*))?/g;

/** Tolerant: what is no directive is skipped. */
export function parseCacheControl(lines: readonly string[]): CacheDirectives {
  const directives = new Map<string, string>();
  for (const [, name = "", argument = ""] of lines.join(",").matchAll(directive)) {
    const key = name.toLowerCase();
    if (!directives.has(key)) directives.set(key, unquote(argument));
  }
  return directives;
}

/** Whether a client insists that what is kept be confirmed upstream before it is served. */
export function wantsRevalidation(headers: HeaderList): boolean {
  const lines = headers.get("cache-control");
  // Pragma counts only where Cache-Control is absent (RFC 9111 §5.4).
  if (lines === undefined) {
    const pragma = headers.get("pragma");
    return pragma !== undefined && parseCacheControl(pragma).has("no-cache");
  }
  const directives = parseCacheControl(lines);
  return directives.has("no-cache") || directives.get("max-age") === "0";
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}
