/**
 * What in a path two servers may read in two ways: escapes, path parameters, backslashes, dots and
 * slashes that some resolve and others do not.
 */

const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/** Of a path under `/v2/`: backslashes, path parameters, controls, dot segments however spelt. */
export function hasOddSegment(path: string): boolean {
  return /[^\x21-\x7e]|[\\;]/.test(path) || dotSegment.test(path);
}

/** An empty segment before the last one. */
export function hasEmptySegment(path: string): boolean {
  return path.includes("//");
}

/** An upload's session may have escapes, but none that makes another path, or half a one. */
export function isOddSession(session: string): boolean {
  return /%(?![0-9a-f]{2})|%(?:2f|5c|2e|25|[01][0-9a-f]|7f)/i.test(session);
}

/**
 * The path as a server might read it that is as liberal as they come: nginx merges slashes, servlet
 * containers cut `;…` off segments, and something in between has decoded it once before.
 */
export function liberalReading(path: string): string {
  const segments: string[] = [];
  const text = decoded(decoded(path)).replaceAll("\\", "/");
  for (const raw of text.split("/")) {
    const segment = raw.replace(/;.*$/s, "").replace(/[^\x20-\x7e\x80-\xff]/g, "");
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}${/[^/]\/$/.test(text) && segments.length > 0 ? "/" : ""}`;
}

/** Whether such a server would find itself under `/v2/`. */
export function isDisguised(path: string): boolean {
  return /^\/v2\//i.test(liberalReading(path));
}

/**
 * Whether somebody might resolve dots in it, decoding it twice, cutting parameters off or not, or
 * stumble over an escape of which others make something (`%u0076`): no client sends such a path. A mere
 * `/./` is one that all resolve alike (apt asks for `debian/./Packages`), where no registry's API is meant.
 */
export function mayLeadElsewhere(path: string): boolean {
  if (/%(?![0-9a-f]{2})/i.test(path)) return true;
  const isApi = /\/v2\//i.test(liberalReading(path));
  const plain = isApi ? path : path.replace(/\/\.(?=\/)/g, "");
  const once = decoded(plain);
  return [plain, once, decoded(once)].some((stage) => {
    const text = stage.replaceAll("\\", "/").replace(/[^\x20-\x7e\x80-\xff]/g, "");
    return dotSegment.test(text) || dotSegment.test(text.replace(/;[^/]*/g, ""));
  });
}

function decoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}
