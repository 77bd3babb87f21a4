/** Patterns for names with slashes: `*` stays within a segment, `**` does not, `?` is one character. */

export function globExpression(pattern: string): RegExp {
  const source = pattern.replace(/\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

/** Whether it fits a registry's canonical name. Without a port it means the usual ones, as everywhere. */
export function fitsRegistry(expression: RegExp, name: string): boolean {
  return expression.test(name) || expression.test(name.replace(/:80$/, ""));
}

/** A glob, or a regular expression between slashes; throws a SyntaxError when that is malformed. */
export function patternExpression(pattern: string): RegExp {
  const expression = /^\/(.+)\/$/.exec(pattern)?.[1];
  return expression === undefined ? globExpression(pattern) : new RegExp(expression);
}
