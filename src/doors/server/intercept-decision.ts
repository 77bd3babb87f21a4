/**
 * What becomes of a CONNECT or an absolute-form request, by its host and port alone: answered here,
 * given to the registry engine, passed through untouched, or refused with a sentence.
 */
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import {
  builtInRealmPairs,
  builtInRegistries,
  matchesHostPattern,
  tokenHostsThatAreSites,
} from "../../protocol/known-registries.ts";
import { type Registry, registryNameOf, type Scheme } from "../../protocol/registry-name.ts";
import type { Refusal } from "../refusal.ts";
import type { OwnNames } from "./own-names.ts";

export type Verdict =
  /** One of our own names on a public port. */
  | { readonly kind: "own" }
  | { readonly kind: "registry"; readonly registry: Registry }
  | { readonly kind: "through" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What one TLS handshake with the peer showed. */
type PeerTls = "trusted" | "untrusted" | "plain" | "unreachable";

/** What the policy asks of the network (upstream/probe.ts). */
export interface PeerProbe {
  isRegistry(address: HostPort): Promise<boolean>;
  /** Within a second. Rejects with UpstreamError FORBIDDEN where nothing may be dialled. */
  peerSpeaksTls(address: HostPort): Promise<PeerTls>;
  /** Whether the peer was last seen to speak TLS. */
  spokeTls(address: HostPort): boolean;
  /** Why the peer was not trusted. */
  tlsTrouble(address: HostPort): string | undefined;
}

export type PolicyOptions = {
  /** `auto` also looks at unknown hosts; `named` never does. */
  readonly mode: "auto" | "named";
  /** Host patterns of REGISTRIES and the hosts of AUTH_REGISTRIES and AUTH_REALMS. */
  readonly named: readonly string[];
  /** Host patterns that are never intercepted. */
  readonly except: readonly string[];
  readonly tunnel: "allow" | "deny";
  readonly own: OwnNames;
  /** Whether the operator configured a credential for this very host. */
  readonly hasCredential: (address: HostPort) => boolean;
  readonly probe: PeerProbe;
};

/** How a host is known: by the operator or the built-in list, by its own answer to a probe, or not at all. */
type Known = "named" | "probed" | "unknown";

export class Policy {
  readonly #options: PolicyOptions;
  readonly #builtIn: readonly string[];

  constructor(options: PolicyOptions) {
    this.#options = options;
    const tokenHosts = builtInRealmPairs.map((pair) => pair.tokenHost);
    const sites = new Set(tokenHostsThatAreSites);
    this.#builtIn = [...builtInRegistries, ...tokenHosts.filter((host) => !sites.has(host))];
  }

  /** For `CONNECT address`; `userAgent` is that of the CONNECT, the only thing known of the client's kind. */
  async connect(address: HostPort, userAgent: string | undefined): Promise<Verdict> {
    const own = this.#ownVerdict(address);
    if (own !== undefined) return own;
    const known = await this.#known(address, isContainerEngine(userAgent));
    if (known === "unknown") return this.#through(address);
    const peer = await this.#options.probe.peerSpeaksTls(address);
    if (peer === "plain") return this.#through(address);
    if (peer !== "untrusted") return registry(address, "https");
    if (known === "probed") return this.#through(address);
    return untrusted(address, this.#options.probe.tlsTrouble(address));
  }

  /** For `GET http://address/…`. Over plain HTTP only the operator's own registries are trusted to be themselves. */
  plain(address: HostPort): Verdict {
    const own = this.#ownVerdict(address);
    if (own !== undefined) return own;
    const isNamed = !this.#isExcepted(address) && matchesAny(this.#options.named, address);
    if (isNamed && !this.#isTls(address)) return registry(address, "http");
    return this.#through(address);
  }

  /** What is said there without TLS must not be kept in the name of what is said with it. */
  #isTls(address: HostPort): boolean {
    return address.port === 443 || this.#options.probe.spokeTls(address);
  }

  #ownVerdict(address: HostPort): Verdict | undefined {
    const own = this.#options.own;
    if (own.isBackOffice(address)) {
      return refused(403, `${shown(address)} is the proxy's back office, which no proxy leads to`);
    }
    return own.isOwn(address) ? { kind: "own" } : undefined;
  }

  async #known(address: HostPort, isEngine: boolean): Promise<Known> {
    if (this.#isExcepted(address)) return "unknown";
    if (matchesAny(tokenHostsThatAreSites, address)) {
      return isEngine && this.#options.hasCredential(address) ? "named" : "unknown";
    }
    if (matchesAny(this.#options.named, address) || matchesAny(this.#builtIn, address)) {
      return "named";
    }
    if (this.#options.mode === "named" || !isEngine || address.port !== 443) return "unknown";
    return (await this.#options.probe.isRegistry(address)) ? "probed" : "unknown";
  }

  #isExcepted(address: HostPort): boolean {
    return matchesAny(this.#options.except, address);
  }

  /** Which ports and addresses may be reached is for the destination rules to say, when it is dialled. */
  #through(address: HostPort): Verdict {
    if (this.#options.tunnel === "allow") return { kind: "through" };
    return refused(
      403,
      `${shown(address)} is no registry, and TUNNEL is deny on the proxy; REGISTRIES would make it one`,
    );
  }
}

/** The CONNECTs of dockerd, containerd, podman, skopeo, crane … come from Go's net/http, which names itself. */
function isContainerEngine(userAgent: string | undefined): boolean {
  return userAgent?.startsWith("Go-http-client/") ?? false;
}

function matchesAny(patterns: readonly string[], address: HostPort): boolean {
  return patterns.some((pattern) => matchesHostPattern(pattern, address));
}

function registry(address: HostPort, scheme: Scheme): Verdict {
  return { kind: "registry", registry: { name: registryNameOf(address), scheme } };
}

function untrusted(address: HostPort, trouble: string | undefined): Verdict {
  return refused(502, trouble ?? `the proxy does not trust the certificate of ${shown(address)}`);
}

function refused(status: number, sentence: string): Verdict {
  return { kind: "refused", refusal: { status, sentence } };
}

/** Short enough that the setting named after it survives the reason phrase's 160 bytes. */
function shown(address: HostPort): string {
  const text = formatHostPort(address);
  return text.length <= 60 ? text : `${text.slice(0, 28)}...${text.slice(-28)}`;
}
