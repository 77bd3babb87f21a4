/**
 * Header fields as they came: lower-case names, every value kept in order (two Link or
 * WWW-Authenticate lines stay two). A Map, so that a field called `__proto__` is only a name.
 */

export type HeaderList = ReadonlyMap<string, readonly string[]>;

/** From Node's `rawHeaders`: name, value, name, value … */
export function parseRawHeaders(raw: readonly string[]): HeaderList {
  const list = new Map<string, string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    const values = list.get(name);
    if (values === undefined) list.set(name, [raw[index + 1] ?? ""]);
    else values.push(raw[index + 1] ?? "");
  }
  return list;
}

/** From pairs; a value of undefined leaves the field out. */
export function headerList(
  fields: Readonly<Record<string, string | readonly string[] | undefined>>,
): HeaderList {
  const list = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    list.set(name.toLowerCase(), typeof value === "string" ? [value] : value);
  }
  return list;
}

/** The first value of the field, or undefined. */
export function headerValue(list: HeaderList, name: string): string | undefined {
  return list.get(name)?.[0];
}

/** All lines of the field joined as RFC 9110 §5.3 allows, or undefined. */
export function headerJoined(list: HeaderList, name: string): string | undefined {
  return list.get(name)?.join(", ");
}

/** Flat name, value, name, value …: what `writeHead` and undici take. */
export function printHeaders(list: HeaderList): string[] {
  const flat: string[] = [];
  for (const [name, values] of list) for (const value of values) flat.push(name, value);
  return flat;
}

/** Fields that end at a connection (RFC 9110 §7.6.1). */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The list without hop-by-hop fields and those that Connection names; duplicates stay in order. */
export function endToEnd(headers: HeaderList): HeaderList {
  const named = new Set<string>();
  for (const line of headers.get("connection") ?? []) {
    for (const name of line.split(",")) named.add(name.trim().toLowerCase());
  }
  const kept = new Map<string, readonly string[]>();
  for (const [name, values] of headers) {
    if (!hopByHop.has(name) && !named.has(name)) kept.set(name, values);
  }
  return kept;
}
