/**
 * Which hosts a list of patterns means: `ghcr.io`, `registry.lan:5000`, `*.gcr.io`, `*-docker.pkg.dev`.
 * Compiled once, since every CONNECT and every mirror request asks.
 */
import { formatHostPort, type HostPort, parseHostPort } from "./http/host-port.ts";

export type HostMatcher = (address: HostPort) => boolean;

type Wildcard = { readonly expression: RegExp; readonly port: string | undefined };

/**
 * `*.` in front stands for any number of labels, another `*` for a part of one. Without a port a
 * pattern means the usual ones, 443 and 80. What is no pattern means nothing.
 */
export function hostMatcher(patterns: readonly string[]): HostMatcher {
  const exact = new Set<string>();
  const wildcards: Wildcard[] = [];
  for (const pattern of patterns) {
    const wildcard = parseWildcard(pattern);
    if (wildcard !== undefined) wildcards.push(wildcard);
    else for (const address of exactAddresses(pattern)) exact.add(formatHostPort(address));
  }
  return (address) =>
    exact.has(formatHostPort(address)) || wildcards.some((one) => fits(one, address));
}

function exactAddresses(pattern: string): readonly HostPort[] {
  const named = parseHostPort(pattern);
  if (named !== undefined) return [named];
  const usual = [443, 80].map((port) => parseHostPort(pattern, port));
  return usual.filter((address) => address !== undefined);
}

function parseWildcard(pattern: string): Wildcard | undefined {
  const [, host = "", port] = /^([^:]+)(?::(\d{1,5}))?$/.exec(pattern.toLowerCase()) ?? [];
  const name = host.replace(/\.$/, "");
  return name.includes("*") ? { expression: hostExpression(name), port } : undefined;
}

function fits({ expression, port }: Wildcard, address: HostPort): boolean {
  const isUsual = address.port === 443 || address.port === 80;
  const isPortRight = port === undefined ? isUsual : `${address.port}` === port;
  return isPortRight && expression.test(address.host);
}

function hostExpression(pattern: string): RegExp {
  const isSuffix = pattern.startsWith("*.");
  const rest = (isSuffix ? pattern.slice(2) : pattern)
    .replace(/[.\\^$+?()[\]{}|]/g, "\\$&")
    .replaceAll("*", "[a-z0-9-]+");
  return new RegExp(`^${isSuffix ? "(?:[a-z0-9_-]+\\.)+" : ""}${rest}$`);
}
