/** Asks the registries that matter here: are they reached and trusted, do logins open them, what is left of Docker Hub's budget. */
import { randomBytes } from "node:crypto";
import { headerValue } from "../../../protocol/http/header-list.ts";
import { parseHostPort } from "../../../protocol/http/host-port.ts";
import { parseRateLimit } from "../../../protocol/http/rate-limit.ts";
import {
  calledName,
  canonicalRegistry,
  type Registry,
  type RegistryName,
  registryNameOf,
} from "../../../protocol/registry-name.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { Lookup } from "../../../upstream/net/name-lookup.ts";
import type { Access, RegistryResponse } from "../../../upstream/registry-client.ts";
import { UpstreamError } from "../../../upstream/upstream-error.ts";
import { composeListen } from "../../compose/listen.ts";
import { composeUpstream, type Upstream } from "../../compose/upstream.ts";
import { createLog } from "../../log.ts";
import { credentialEntries, spokenTo } from "../../settings/derived.ts";
import type { Settings } from "../../settings/settings.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

export type RegistriesParts = {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly lookup: Lookup | undefined;
  readonly signal: AbortSignal;
};

const hub: Registry = { name: "docker.io" as RegistryName, scheme: "https" };
const mostSkew = 60_000;

export async function lookAtRegistries(parts: RegistriesParts): Promise<readonly Symptom[]> {
  const upstream = await openUpstream(parts);
  try {
    const look = new RegistryLook(parts, upstream);
    const registries = registriesOf(parts.settings, upstream);
    const findings = await Promise.all(registries.map((registry) => look.at(registry)));
    return [...findings.flat(), ...look.clock(), ...(await look.budget())];
  } finally {
    await upstream.close();
  }
}

function openUpstream({ signal, now, ...its }: RegistriesParts): Promise<Upstream> {
  const log = createLog({
    ...{ level: "silent", format: "json", hasColours: false, secrets: [], write: () => undefined },
  });
  const listen = composeListen(its.settings);
  const parts = { ...its, clock: { ...systemClock, now }, listen, log, life: signal };
  return composeUpstream({ ...parts, secret: randomBytes(32), saveChallenge: () => undefined });
}

/** Docker Hub, and what is named without a star; a token host stands for the registries it is for. */
function registriesOf(settings: Settings, { named, pairs }: Upstream): readonly Registry[] {
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

class RegistryLook {
  readonly #parts: RegistriesParts;
  readonly #upstream: Upstream;
  readonly #skews: number[] = [];

  constructor(parts: RegistriesParts, upstream: Upstream) {
    this.#parts = parts;
    this.#upstream = upstream;
  }

  async at(registry: Registry): Promise<readonly Symptom[]> {
    const name = calledName(registry.name);
    try {
      const { status, headers } = await this.#ask(registry, { kind: "none" });
      this.#noteClock(headerValue(headers, "date"));
      if (status !== 200 && status !== 401) {
        const what = `${name} answers ${status} to /v2/: it may be no registry`;
        return [mind(what, "see whether its name and port in REGISTRIES are right")];
      }
      return [well(`${name} answers`), ...(await this.#login(registry, name))];
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const [what = "", ...mend] = error.message.split("; ");
      return [wrong(what, mend.join("; ") || remedyFor(error, name))];
    }
  }

  /** The first that is more than a minute off. */
  clock(): readonly Symptom[] {
    const skew = this.#skews.toSorted((one, other) => Math.abs(one) - Math.abs(other))[0];
    if (skew === undefined) return [];
    if (Math.abs(skew) <= mostSkew) return [well("this machine's clock agrees with theirs")];
    const seconds = Math.round(Math.abs(skew) / 1_000);
    const what = `this machine's clock is ${seconds} s ${skew > 0 ? "ahead of" : "behind"} theirs`;
    return [wrong(what, "set it, by NTP for instance: certificates and tokens fail otherwise")];
  }

  /** Asking for it costs no pull. */
  async budget(): Promise<readonly Symptom[]> {
    const target = "/v2/ratelimitpreview/test/manifests/latest";
    try {
      const { headers } = await this.#ask(hub, { kind: "shared" }, { method: "HEAD", target });
      const budget = parseRateLimit(headers);
      if (budget === undefined) return [];
      const { limit, remaining } = budget;
      const what = `${remaining} of ${limit} pulls are left at Docker Hub`;
      if (remaining > limit / 10) return [well(what)];
      return [mind(what, "log in there: AUTH_REGISTRIES=auth.docker.io:user:token")];
    } catch (error) {
      // That it does not answer has been said.
      if (error instanceof UpstreamError) return [];
      throw error;
    }
  }

  async #login(registry: Registry, name: string): Promise<readonly Symptom[]> {
    const { logins, unusedLogins } = this.#upstream;
    const hasOne = logins.has(registry);
    if (!hasOne && !logins.hasOwnEntry(registry)) return [];
    const outcome = await this.#opened(registry);
    const unused = unusedLogins.at(registry);
    if (unused !== undefined) {
      const what = `the login of ${name} is not used: its tokens come from ${unused.tokenHost}`;
      return [wrong(what, unused.line)];
    }
    if (outcome instanceof UpstreamError) throw outcome;
    if (isRefused(outcome) || logins.refused().some(({ host }) => host === registry.name)) {
      return [
        wrong(`${name} refuses its login`, "see whether it has expired, and write a new one"),
      ];
    }
    return [well(`the login of ${name} works`)];
  }

  /** The status, or why there is none. */
  async #opened(registry: Registry): Promise<number | UpstreamError> {
    try {
      return (await this.#ask(registry, { kind: "shared" })).status;
    } catch (error) {
      if (error instanceof UpstreamError) return error;
      throw error;
    }
  }

  #noteClock(date: string | undefined): void {
    const theirs = Date.parse(date ?? "");
    if (Number.isFinite(theirs)) this.#skews.push(this.#parts.now() - theirs);
  }

  async #ask(
    registry: Registry,
    access: Access,
    { method, target } = { method: "GET", target: "/v2/" },
  ): Promise<RegistryResponse> {
    const { signal } = this.#parts;
    const response = await this.#upstream.client.send({
      ...{
        registry,
        method,
        target,
        access,
        signal,
        headers: new Map(),
        redirects: "pass" as const,
      },
      patience: "full",
    });
    response.body.destroy();
    return response;
  }
}

function isRefused(status: number): boolean {
  return status === 401 || status === 403;
}

function remedyFor({ code }: UpstreamError, name: string): string {
  if (code === "DNS") return `see whether ${name} is spelled right, and which DNS this machine has`;
  if (code === "TLS") return "trust its authority with UPSTREAM_CA=/path/to/ca.pem";
  return "see whether this machine reaches it, and whether HTTPS_PROXY has to be set";
}
