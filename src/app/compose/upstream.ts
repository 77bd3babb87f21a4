/** The way out: destination rules, connections, credentials, and the client that the cache asks. */

import { readFile } from "node:fs/promises";
import { hostMatcher } from "../../protocol/host-pattern.ts";
import { formatHostPort, type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { builtInRealmPairs } from "../../protocol/known-registries.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { judgeRedirect } from "../../registry/rules/redirect-rules.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Generation } from "../../runtime/generation.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import { Authorizer } from "../../upstream/auth/authorizer.ts";
import { ChallengeFinder } from "../../upstream/auth/challenge-finder.ts";
import { ChallengeMemory, type SavedChallenge } from "../../upstream/auth/challenge-memory.ts";
import type { CredentialEntry } from "../../upstream/auth/credential.ts";
import { CredentialHelpers } from "../../upstream/auth/credential-helper.ts";
import { Credentials } from "../../upstream/auth/credentials.ts";
import { RealmPairs } from "../../upstream/auth/realm-pairs.ts";
import { RegistryTokens } from "../../upstream/auth/registry-tokens.ts";
import { TokenClient } from "../../upstream/auth/token-client.ts";
import { UnusedLogins } from "../../upstream/auth/unused-logins.ts";
import { PooledRegistryClient } from "../../upstream/client/pooled-registry-client.ts";
import { DownMemory } from "../../upstream/down-memory.ts";
import type { Place } from "../../upstream/location.ts";
import { CorporateProxies } from "../../upstream/net/corporate-proxy.ts";
import { Destinations } from "../../upstream/net/destination.ts";
import { Dialer, type DialerOptions } from "../../upstream/net/dial.ts";
import { OriginPools } from "../../upstream/net/dispatcher.ts";
import type { Lookup } from "../../upstream/net/name-lookup.ts";
import { Probe } from "../../upstream/net/probe.ts";
import { SystemNames } from "../../upstream/net/system-names.ts";
import { systemAuthorities, TlsClient } from "../../upstream/net/tls-client.ts";
import { Transport } from "../../upstream/net/transport.ts";
import { RateLimits } from "../../upstream/rate-limits.ts";
import type { Log } from "../log.ts";
import {
  interceptedHosts,
  namedRegistries,
  ownLoginRegistries,
  proxySettings,
} from "../settings/derived.ts";
import { readTrusted } from "../settings/named-files.ts";
import type { Settings } from "../settings/settings.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { imagePolicy } from "./image-policy.ts";
import type { Listen } from "./listen.ts";
import { allLogins } from "./logins.ts";

export type UpstreamParts = {
  readonly settings: Settings;
  /** What credential helpers run in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly listen: Listen;
  /** Keys the ids of credentials. */
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly lookup?: Lookup | undefined;
  readonly log: Pick<Log, "upstream" | "auth">;
  readonly saveChallenge: (saved: SavedChallenge) => void;
  readonly life: AbortSignal;
  /** Raised before logins are replaced, or a registry asks for other ones. */
  readonly generation?: Pick<Generation, "raise"> | undefined;
  readonly tracing?: Tracing | undefined;
  /** Who is trusted; left out, whom the machine and the settings trust. */
  readonly authorities?: readonly string[];
};

export type Upstream = Awaited<ReturnType<typeof composeUpstream>>;

export async function composeUpstream(parts: UpstreamParts) {
  const { settings, log, clock, generation, tracing, lookup = systemLookup(clock) } = parts;
  const { offline: isOffline } = settings.cache;
  // Waits and pauses must not jump with the wall clock.
  const now = clock.steady;
  const tls = new TlsClient({
    authorities: parts.authorities ?? [...systemAuthorities(), ...(await trustedFiles(settings))],
    isUnverified: hostMatcher(settings.upstream.unverified),
  });
  const helpers = new CredentialHelpers({
    environment: parts.environment,
    life: parts.life,
  });
  const entries = await allLogins(settings, helpers);
  const named = namedRegistries(settings, entries);
  const destinations = composeDestinations(parts, interceptedHosts(settings, named));
  const proxies = new CorporateProxies(proxySettings(settings));
  const family = settings.upstream.family === "auto" ? "auto" : familyNumber(settings);
  const dialer = new Dialer({ destinations, lookup, proxies, tls, family, clock });
  const pools = new OriginPools({ dialer, tls, proxies, clock });
  const transport = new Transport({
    ...{ pools, observe: log.upstream, now, clock, isOffline, tracing },
  });
  const wayTo = (host: string): Way => openWay(parts, host, { lookup, proxies, tls, family });
  const credentials = composeCredentials(parts, { tls, helpers, now, entries });
  const memory = new ChallengeMemory({ now, save: parts.saveChallenge, generation });
  const outages = new DownMemory({ now, observe: log.upstream });
  const rates = new RateLimits({ now, observe: log.upstream });
  const shared = { transport, outages, rates, now, clock };
  const finder = new ChallengeFinder({ ...shared, memory });
  const isNamed = (address: HostPort): boolean => destinations.isNamed(address);
  const tokens = new TokenClient({ ...shared, isNamed, observe: log.auth, tracing });
  const { logins, pairs, unusedLogins } = credentials;
  const registryTokens = new RegistryTokens(logins, tokens, unusedLogins);
  const authorizer = new Authorizer({
    memory,
    finder,
    credentials: logins,
    tokens: registryTokens,
  });
  const judge = redirectJudge(settings);
  return {
    client: new PooledRegistryClient({
      ...{ ...shared, authorizer, isNamed, judgeRedirect: judge },
      observe: log.upstream,
    }),
    probe: new Probe({ ...shared, dialer, isOffline, ...rememberedBy(memory) }),
    reloadLogins: async (changed: Settings): Promise<void> => {
      const others = await allLogins(changed, helpers);
      generation?.raise("logins");
      logins.replace(others);
      pairs.setNamed(namedHosts(changed, others));
    },
    close: async () => {
      await Promise.all([finder.close(), tokens.close()]);
      await pools.close();
    },
    ...{ dialer, transport, authorizer, memory, finder, pairs, logins, unusedLogins, wayTo },
    /** Host patterns that the operator named when it started, those of DOCKER_CONFIG too. */
    named,
  };
}

/** A way out to one host alone, by the rules that hold for all. */
export type Way = { readonly transport: Transport; readonly close: () => Promise<void> };

type WayParts = Pick<DialerOptions, "lookup" | "proxies" | "tls" | "family">;

/** To one that the operator named for something else than images, so that no registry leads there. */
function openWay({ settings, listen, clock }: UpstreamParts, host: string, parts: WayParts): Way {
  const { upstreamAllowAddresses: allowedAddresses } = settings.access;
  const destinations = new Destinations({
    ...{ named: [host], allowedAddresses, tunnelPorts: [] },
    ownListeners: listen.listeners,
    ownAddresses: listen.addresses,
  });
  const dialer = new Dialer({ ...parts, destinations, clock });
  const pools = new OriginPools({ ...parts, dialer, clock, bodyTimeoutMs: 10_000 });
  const limits = { writeHeaders: 60_000, uploadIdle: 10_000, lists: 25_000 };
  const nobody = (): void => undefined;
  const transport = new Transport({ pools, observe: nobody, now: clock.steady, clock, limits });
  return { transport, close: () => pools.close() };
}

/** Undefined where POLICY allows everything. */
function redirectJudge({ registries }: Settings) {
  const policy = imagePolicy(registries.policy);
  return policy === undefined ? undefined : (place: Place) => judgeRedirect(policy, place);
}

/** What a probe finds out is kept where challenges are, beyond a restart. */
function rememberedBy(memory: ChallengeMemory) {
  return {
    seenAt: (registry: Registry) => memory.recall(registry)?.learnedAt,
    found: (registry: Registry, challenge: readonly string[]) =>
      void memory.remember(registry, challenge),
  };
}

function composeDestinations(
  { settings: { access }, listen }: UpstreamParts,
  named: readonly string[],
): Destinations {
  return new Destinations({
    named,
    allowedAddresses: access.upstreamAllowAddresses,
    tunnelPorts: access.tunnelPorts,
    ownListeners: listen.listeners,
    ownAddresses: listen.addresses,
  });
}

export function systemLookup(clock: Clock): Lookup {
  return new SystemNames({ readHosts: () => readFile("/etc/hosts", "utf8"), clock }).lookup;
}

type CredentialParts = {
  readonly tls: TlsClient;
  readonly helpers: CredentialHelpers;
  readonly now: () => number;
  readonly entries: readonly CredentialEntry[];
};

function composeCredentials(parts: UpstreamParts, { tls, helpers, now, entries }: CredentialParts) {
  const { settings } = parts;
  const pairs = new RealmPairs({
    known: builtInRealmPairs,
    configured: settings.registries.authRealms,
    named: namedHosts(settings, entries),
  });
  const logins = new Credentials({
    entries,
    pairs,
    secret: parts.secret,
    askHelper: (helper, server) => helpers.get(helper, server),
    ownLogin: ownLoginRegistries(settings),
    isVerified: (address) => tls.isVerified(address),
    now,
    observe: parts.log.auth,
  });
  const unusedLogins = new UnusedLogins({ credentials: logins, pairs, observe: parts.log.auth });
  return { pairs, logins, unusedLogins };
}

/** Those the operator named without wildcards. */
function namedHosts(settings: Settings, logins: readonly CredentialEntry[]): readonly HostPort[] {
  return namedRegistries(settings, logins)
    .map((pattern) => parseHostPort(pattern, 443))
    .filter((address) => address !== undefined);
}

function trustedFiles(settings: Settings): Promise<readonly string[]> {
  return Promise.all(settings.upstream.ca.map((path) => readTrusted("UPSTREAM_CA", path)));
}

function familyNumber(settings: Settings): 4 | 6 {
  return settings.upstream.family === "6" ? 6 : 4;
}

/** A corporate proxy that is this very process would swallow every request: better not to start. */
export async function refuseLoop(upstream: Upstream, signal: AbortSignal): Promise<void> {
  const loop = await upstream.dialer.findLoop(signal);
  if (loop === undefined) return;
  const where = formatHostPort(loop);
  throw new SettingsError([
    `HTTPS_PROXY or HTTP_PROXY points at ${where}, which is this proxy itself; unset it for this process`,
  ]);
}
