/** The registries everybody uses, as data: their hosts, their token hosts, and which of those are web sites. */
import { formatHostPort, type HostPort, parseHostPort } from "./http/host-port.ts";

/** Hosts that are registries; see `matchesHostPattern` for the spelling. */
export const builtInRegistries: readonly string[] = [
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "ghcr.io",
  "quay.io",
  "gcr.io",
  "*.gcr.io",
  "*-docker.pkg.dev",
  "registry.k8s.io",
  "k8s.gcr.io",
  "mcr.microsoft.com",
  "*.azurecr.io",
  "public.ecr.aws",
  "*.dkr.ecr.*.amazonaws.com",
  "*.dkr.ecr.*.amazonaws.com.cn",
  "registry.gitlab.com",
  "lscr.io",
  "nvcr.io",
  "registry.redhat.io",
  "registry.access.redhat.com",
  "docker.elastic.co",
  "registry.suse.com",
  "container-registry.oracle.com",
  "cgr.dev",
  "icr.io",
  "*.icr.io",
];

export type RealmPair = {
  /** Canonical name of the registry. */
  readonly registry: string;
  /** Canonical name of the host its tokens come from. */
  readonly tokenHost: string;
};

/** Registries whose tokens come from another host. Only a pair listed here, or by the operator, is believed. */
export const builtInRealmPairs: readonly RealmPair[] = [
  { registry: "docker.io", tokenHost: "auth.docker.io" },
  { registry: "registry.gitlab.com", tokenHost: "gitlab.com" },
  { registry: "nvcr.io", tokenHost: "authn.nvidia.com" },
  { registry: "docker.elastic.co", tokenHost: "docker-auth.elastic.co" },
];

/** Token hosts that people open in a browser too: intercepted for container engines only. */
export const tokenHostsThatAreSites: readonly string[] = ["gitlab.com"];

/**
 * Whether a pattern such as `ghcr.io`, `registry.lan:5000`, `*.gcr.io` or `*-docker.pkg.dev` means
 * this host. `*.` in front stands for any number of labels, another `*` for a part of one. Without a
 * port it means the usual ones, 443 and 80.
 */
export function matchesHostPattern(pattern: string, address: HostPort): boolean {
  const match = /^(.+?)(?::(\d{1,5}))?$/.exec(pattern.toLowerCase().replace(/\.$/, ""));
  const host = match?.[1] ?? "";
  const isPortRight =
    match?.[2] === undefined ? isUsualPort(address) : `${address.port}` === match[2];
  if (host.startsWith("[") || !host.includes("*")) return matchesExactly(pattern, address);
  return isPortRight && hostExpression(host).test(address.host);
}

function matchesExactly(pattern: string, address: HostPort): boolean {
  const named = parseHostPort(pattern);
  if (named !== undefined) return formatHostPort(named) === formatHostPort(address);
  return isUsualPort(address) && parseHostPort(pattern, 443)?.host === address.host;
}

function isUsualPort(address: HostPort): boolean {
  return address.port === 443 || address.port === 80;
}

function hostExpression(pattern: string): RegExp {
  const isSuffix = pattern.startsWith("*.");
  const rest = (isSuffix ? pattern.slice(2) : pattern)
    .replace(/[.\\^$+?()[\]{}|]/g, "\\$&")
    .replaceAll("*", "[a-z0-9-]+");
  return new RegExp(`^${isSuffix ? "(?:[a-z0-9_-]+\\.)+" : ""}${rest}$`);
}
