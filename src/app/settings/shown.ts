/**
 * Values as sentences quote them. What was written in the wrong place may be a login or a key, so only
 * as much is shown as finds the place again.
 */
/** In quotes, and cut where a secret could begin. */
export function shown(raw: unknown): string {
  if (Array.isArray(raw)) return "a list";
  if (typeof raw === "object" && raw !== null)
    return `{${Object.keys(raw).map(discreet).join(", ")}}`;
  return JSON.stringify(discreet(String(raw)));
}

/** A path; undefined when the text is none, but what the file should hold, or could be a secret. */
export function shownPath(text: string): string | undefined {
  return isContent(text) || discreet(text) !== text ? undefined : text;
}

/** Whether it is what a file holds, rather than where it lies. */
export function isContent(text: string): boolean {
  return /[\r\n]|-----BEGIN|^\s*[{[]/.test(text) || text.length > 4_096;
}

function discreet(text: string): string {
  const [line = ""] = text.trim().split(/[\r\n]/, 1);
  const scheme = /^[a-z]+:\/\//i.exec(line)?.[0] ?? "";
  const rest = line.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  const login = at < 0 ? "" : "…@";
  const place = withoutFields(rest.slice(at + 1)).replace(/[\w+=~-]{24,}/g, "…");
  const all = scheme + login + place + (line.length < text.trim().length ? "…" : "");
  return all.length > 80 ? `${all.slice(0, 80)}…` : all;
}

/** `ghcr.io:alice:secret` is shown as `ghcr.io:…`, and `ghcr.io|alice|secret` up to the user; a port is no secret, nor is an address. */
function withoutFields(text: string): string {
  if (/^[[\]0-9a-f:./%]+$/i.test(text)) return text;
  const end = /:(?!\d{1,5}(?:\/|$))|(?<=[;|=][^;|=]*)[;|=]|-----/.exec(text);
  return end === null ? text : `${text.slice(0, end.index)}${end[0]}…`;
}
