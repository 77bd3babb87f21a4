/** Asks registries as the server would: are they reached and trusted, and do logins open them. */
import { randomBytes } from "node:crypto";
import { headerValue } from "../../protocol/http/header-list.ts";
import { type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { parseRateLimit, type RateLimit } from "../../protocol/http/rate-limit.ts";
import {
  canonicalRegistry,
  type Registry,
  type RegistryName,
  registryNameOf,
} from "../../protocol/registry-name.ts";
import { systemClock } from "../../runtime/clock.ts";
import { expiryOf } from "../../upstream/auth/helper-expiry.ts";
import type { Lookup } from "../../upstream/net/name-lookup.ts";
import type { Access, RegistryResponse } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import { composeListen } from "../compose/listen.ts";
import { allLogins } from "../compose/logins.ts";
import { composeUpstream, type Upstream } from "../compose/upstream.ts";
import { createLog } from "../log.ts";
import { credentialEntries, spokenTo } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";

export type LookParts = {
  readonly settings: Settings;
  /** What credential helpers run in. */
  readonly environment: NodeJS.ProcessEnv;
  readonly now: () => number;
  /** For tests; the system's when left out. */
  readonly lookup: Lookup | undefined;
  readonly signal: AbortSignal;
};

/** What comes of a registry's login. */
export type LoginFate =
  | { readonly kind: "works" | "refused" }
  /** Its tokens come from a host that is no pair of it; `line` would make it one. */
  | { readonly kind: "unused"; readonly tokenHost: string; readonly line: string }
  | { readonly kind: "unknown"; readonly error: UpstreamError }
  /** It answers, and not as a registry. */
  | { readonly kind: "odd"; readonly status: number };

export const hub: Registry = { name: "docker.io" as RegistryName, scheme: "https" };

export class RegistryLook {
  readonly #parts: LookParts;
  readonly #upstream: Upstream;

  private constructor(parts: LookParts, upstream: Upstream) {
    this.#parts = parts;
    this.#upstream = upstream;
  }

  /** With the way out that a start would have, closed after `use`. */
  static async with<T>(parts: LookParts, use: (look: RegistryLook) => Promise<T>): Promise<T> {
    const { signal, now, ...its } = parts;
    const log = createLog({
      ...{
        level: "silent",
        format: "json",
        hasColours: false,
        secrets: [],
        write: () => undefined,
      },
    });
    const upstream = await composeUpstream({
      ...{ ...its, clock: { ...systemClock, now }, listen: composeListen(its.settings), log },
      ...{ life: signal, secret: randomBytes(32), saveChallenge: () => undefined },
    });
    try {
      return await use(new RegistryLook(parts, upstream));
    } finally {
      await upstream.close();
    }
  }

  /** The way out to one host alone, as the server has it. */
  get wayTo(): Upstream["wayTo"] {
    return this.#upstream.wayTo;
  }

  /** Docker Hub, and what is named without a star; a token host stands for the registries it is for. */
  registries(): readonly Registry[] {
    const { settings } = this.#parts;
    const { named, pairs } = this.#upstream;
    const speaks = spokenTo(settings);
    const found = new Map<RegistryName, Registry>([[hub.name, hub]]);
    for (const pattern of named) {
      const address = pattern.includes("*") ? undefined : parseHostPort(pattern, 443);
      if (address === undefined) continue;
      const name = registryNameOf(address);
      const others = pairs.registriesOf(name).filter((one) => one !== name);
      for (const each of others.length > 0 && isTokenHost(settings, name) ? others : [name]) {
        found.set(each, speaks({ name: each, scheme: "https" }));
      }
    }
    return [...found.values()];
  }

  /** What its `/v2/` says to who has no login. Throws UpstreamError. */
  async ping(registry: Registry): Promise<{ readonly status: number; readonly date: number }> {
    const { status, headers } = await this.#ask(registry, { kind: "none" });
    return { status, date: Date.parse(headerValue(headers, "date") ?? "") };
  }

  hasLogin(registry: Registry): boolean {
    const { logins } = this.#upstream;
    return logins.has(registry) || logins.hasOwnEntry(registry);
  }

  async login(registry: Registry): Promise<LoginFate> {
    const { logins, unusedLogins } = this.#upstream;
    const outcome = await this.#ask(registry, { kind: "shared" }).then(
      ({ status }) => status,
      (error: unknown) => asUpstream(error),
    );
    const unused = unusedLogins.at(registry);
    if (unused !== undefined) return { kind: "unused", ...unused };
    if (outcome instanceof UpstreamError) return { kind: "unknown", error: outcome };
    const isRefused = logins.refused().some(({ host }) => host === registry.name);
    if (isRefused || outcome === 401 || outcome === 403) return { kind: "refused" };
    return outcome === 200 ? { kind: "works" } : { kind: "odd", status: outcome };
  }

  /** When its login ends, where that shows in it; milliseconds since 1970. */
  async loginEnds(registry: Registry): Promise<number | undefined> {
    const { pairs } = this.#upstream;
    // What helpers keep they also renew.
    const entries = await allLogins(this.#parts.settings, { list: async () => [] });
    const its = entries.find(({ address }) => {
      const name = registryNameOf(address);
      return name === registry.name || pairs.registriesOf(name).includes(registry.name);
    });
    if (its === undefined || its.login.kind === "helper") return undefined;
    const { login } = its;
    return expiryOf({}, login.kind === "identity" ? login.token : login.password);
  }

  /** Whether a host that nobody named answers as registries do. */
  isRegistry(address: HostPort): Promise<boolean> {
    return this.#upstream.probe.isRegistry(address);
  }

  /** What is left of Docker Hub's pulls; asking for it costs none. */
  async budget(): Promise<RateLimit | undefined> {
    const target = "/v2/ratelimitpreview/test/manifests/latest";
    const head = { method: "HEAD", target };
    const answer = await this.#ask(hub, { kind: "shared" }, head).catch(asUpstream);
    // That it does not answer is said of it as of any registry.
    return answer instanceof UpstreamError ? undefined : parseRateLimit(answer.headers);
  }

  async #ask(
    registry: Registry,
    access: Access,
    { method, target } = { method: "GET", target: "/v2/" },
  ): Promise<RegistryResponse> {
    const { signal } = this.#parts;
    const response = await this.#upstream.client.send({
      ...{ registry, method, target, access, signal, headers: new Map() },
      ...{ redirects: "pass", patience: "full" },
    });
    response.body.destroy();
    return response;
  }
}

function asUpstream(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  throw error;
}

/** Named by its login alone. */
function isTokenHost(settings: Settings, name: RegistryName): boolean {
  const isLogin = credentialEntries(settings).some(
    ({ address }) => registryNameOf(address) === name,
  );
  const isRegistry = settings.registries.registries.some(
    ({ pattern }) => canonicalRegistry(pattern) === name,
  );
  return isLogin && !isRegistry;
}
