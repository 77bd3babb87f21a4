/** A request target, in origin form and in absolute form (RFC 9112 §3.2). */
import { ownText } from "../../runtime/own-bytes.ts";
import { type HostPort, parseHostPort } from "./host-port.ts";

/**
 * `query` is without its question mark, and "" where there is none. What is remembered of a path keeps
 * nothing of the target.
 */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: ownText(target), query: "" };
  return { path: ownText(target.slice(0, mark)), query: target.slice(mark + 1) };
}

/** `http://host[:port]/path`, without user info; anything else is undefined. */
export function parseAbsolute(url: string): { address: HostPort; target: string } | undefined {
  const match = /^http:\/\/([^/?#@]+)([/?][^#]*)?$/i.exec(url);
  const address = parseHostPort(match?.[1] ?? "", 80);
  if (address === undefined) return undefined;
  const rest = match?.[2] ?? "/";
  return { address, target: rest.startsWith("/") ? rest : `/${rest}` };
}
