/** The CA that clients trust: the operator's own, or one made here, limited if the settings limit us. */
import { isIP } from "node:net";
import { join } from "node:path";
import {
  type Authority,
  type AuthorityOptions,
  openAuthority,
} from "../../doors/proxy/authority/ca.ts";
import { isPermitted } from "../../doors/proxy/authority/name-constraints.ts";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import { builtInRealmPairs, builtInRegistries } from "../../protocol/known-registries.ts";
import { interceptedHosts } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";
import type { Listen } from "./listen.ts";

export type AuthorityNames = Pick<Listen, "hosts" | "addresses"> & {
  /** Host patterns that the operator named. */
  readonly named: readonly string[];
};

/** Throws DoorError when the CA cannot be used. */
export function composeAuthority(
  settings: Settings,
  names: AuthorityNames,
  now: () => number,
): Promise<Authority> {
  const { cert, key, keyPassphrase } = settings.authority;
  return openAuthority({
    ...ownAuthority(settings, names, now),
    own: cert === undefined || key === undefined ? undefined : { certificate: cert, key },
    passphrase: keyPassphrase,
  });
}

/** Of one made here: where it lies, and what it is good for. */
export function ownAuthority(
  settings: Settings,
  names: AuthorityNames,
  now: () => number,
): Pick<AuthorityOptions, "folder" | "onlyFor" | "now"> {
  return {
    folder: join(settings.files.dataDir, "ca"),
    onlyFor: settings.registries.intercept === "named" ? limits(settings, names) : undefined,
    now,
  };
}

/** A sentence for each thing that the CA, as it is, cannot do for these settings. */
export function authorityWarnings(
  { domains }: Authority,
  settings: Settings,
  named: readonly string[],
): readonly string[] {
  if (domains === undefined) return [];
  const remedy = "remove the folder ca in DATA_DIR to have a new CA made, which clients must trust";
  if (settings.registries.intercept === "auto") {
    return [
      `the CA is limited to the registries it was made for, and INTERCEPT=auto finds others; ${remedy}`,
    ];
  }
  const missing = interceptedHosts(settings, named)
    .map(domainOf)
    .filter((host) => host !== undefined && isIP(host) === 0 && !isPermitted(host, domains));
  if (missing.length === 0) return [];
  return [`the CA was made before ${[...new Set(missing)].join(", ")} was named; ${remedy}`];
}

const day = 86_400_000;

/** A sentence once the CA has fewer than so many days left: every client needs the next one by then. */
export function expiryWarnings({ notAfter }: Authority, now: number, days: number): string[] {
  const left = Math.floor((notAfter - now) / day);
  if (left >= days) return [];
  const when = left < 0 ? "has expired" : `expires in ${left === 1 ? "1 day" : `${left} days`}`;
  return [`the CA ${when}; clients need a new one, and refuse what this one signs after its end`];
}

/** Everything that is ever certified: what is intercepted, and our own names. */
function limits(settings: Settings, { named, ...own }: AuthorityNames): string[] {
  const tokenHosts = builtInRealmPairs.map((pair) => pair.tokenHost);
  const patterns = [...interceptedHosts(settings, named), ...builtInRegistries, ...tokenHosts];
  const hosts = patterns.map(domainOf).filter((host) => host !== undefined);
  return [...new Set([...hosts, ...own.hosts, "localhost", ...own.addresses()])];
}

/** `*-docker.pkg.dev` is below `pkg.dev`; `registry.lan:5000` is `registry.lan`. */
function domainOf(pattern: string): string | undefined {
  const star = pattern.lastIndexOf("*");
  const fixed = star < 0 ? pattern : pattern.slice(pattern.indexOf(".", star) + 1);
  return parseHostPort(fixed, 443)?.host;
}
