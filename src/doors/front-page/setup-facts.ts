/** What a set-up is to say of this very host, by the name and way in which a client knows it. */
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { canonicalRegistry, type Registry } from "../../protocol/registry-name.ts";
import type { SetupFacts } from "./setup-script.ts";

export type SetupHost = {
  /** The CA that clients trust: PEM, and its SHA-256 as `AB:CD:…`. */
  readonly authority: {
    readonly root: string;
    readonly fingerprint: string;
    /** The one that is to sign later, trusted beside it from now on. */
    readonly next?: { readonly root: string } | undefined;
  };
  /** The port of the proxy door, for clients that came another way. */
  readonly proxyPort: () => number;
  /** PUBLIC_URL: how clients reach this door by the name in it, whatever stands before it. */
  readonly publicUrl?: string | undefined;
  /** Whether images are pushed under this name, at every port: dockerd, which names no registry, would find none there. */
  readonly isHosted?: ((host: string) => boolean) | undefined;
  /** Those that mirror clients are set up for besides the usual ones. */
  readonly registries?: readonly Registry[] | undefined;
  /** Names of ours that stand for one registry, by what clients call that. */
  readonly virtualHosts?: ReadonlyMap<string, Registry> | undefined;
};

export type KnownAs = {
  readonly host: HostPort;
  readonly isTls: boolean;
  /** Not through the proxy door. */
  readonly isDirect: boolean;
};

const usualRegistries = [
  "docker.io",
  "ghcr.io",
  "quay.io",
  "gcr.io",
  "registry.k8s.io",
  "mcr.microsoft.com",
  "public.ecr.aws",
  "registry.gitlab.com",
  "lscr.io",
  "nvcr.io",
  "docker.elastic.co",
].flatMap((host): Registry[] => {
  const name = canonicalRegistry(host);
  return name === undefined ? [] : [{ name, scheme: "https" }];
});

export function setupFacts(self: SetupHost, { host, isTls, isDirect }: KnownAs): SetupFacts {
  const { authority, proxyPort, publicUrl, registries: named = [] } = self;
  const its = isDirect ? publicOf(publicUrl, host) : undefined;
  // A port that may be another outside than here; through the proxy any of our ports leads here.
  const isPlain = isDirect && !isTls && its?.protocol !== "https:";
  const port = isPlain ? (portOf(its) ?? host.port) : proxyPort();
  const proxy = formatHostPort({ host: host.host, port });
  const asked = isTls && isDirect ? `https://${formatHostPort(host, 443)}` : `http://${proxy}`;
  const isHosted = self.isHosted?.(host.host) === true;
  const here = { proxy, mirror: its?.origin ?? asked, isHosted, ...authority };
  const only = isDirect ? self.virtualHosts?.get(host.host) : undefined;
  if (only !== undefined) return { ...here, registries: [only], isOneRegistry: true };
  const registries = new Map([...usualRegistries, ...named].map((one) => [one.name, one]));
  return { ...here, registries: [...registries.values()] };
}

/** PUBLIC_URL, where this is the name in that. */
function publicOf(publicUrl: string | undefined, { host }: HostPort): URL | undefined {
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  return url?.hostname === host ? url : undefined;
}

/** Undefined without a URL. */
function portOf(url: URL | undefined): number | undefined {
  return url && (url.port === "" ? 80 : Number(url.port));
}
