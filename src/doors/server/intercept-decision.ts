/**
 * What becomes of a CONNECT or an absolute-form request, by its host and port alone: answered here,
 * given to the registry engine, passed through untouched, or refused with a sentence.
 */
import { type HostMatcher, hostMatcher } from "../../protocol/host-pattern.ts";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import {
  builtInRealmPairs,
  builtInRegistries,
  tokenHostsThatAreSites,
} from "../../protocol/known-registries.ts";
import { type Registry, registryAt, type Scheme } from "../../protocol/registry-name.ts";
import type { PeerTls } from "../../upstream/net/probe.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import { type Refusal, refusalOf } from "../refusal.ts";
import type { OwnNames } from "./own-names.ts";

export type HostVerdict =
  /** One of our own names on a public port. */
  | { readonly kind: "own" }
  | { readonly kind: "registry"; readonly registry: Registry }
  | { readonly kind: "through" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What the decision asks of the network (upstream/net/probe.ts). */
export interface PeerProbe {
  isRegistry(address: HostPort, scheme?: Scheme): Promise<boolean>;
  /** Within a second. Rejects with UpstreamError FORBIDDEN where nothing may be dialled. */
  peerSpeaksTls(address: HostPort, isPlain?: boolean): Promise<PeerTls>;
  /** Why the peer was not trusted. */
  tlsTrouble(address: HostPort): string | undefined;
}

export type InterceptDecisionOptions = {
  /** `auto` also looks at unknown hosts; `named` never does. */
  readonly mode: "auto" | "named";
  /** The hosts of REGISTRIES, AUTH_REGISTRIES and AUTH_REALMS. */
  readonly isNamed: HostMatcher;
  /** Those of them that were written with http://. */
  readonly isPlain: HostMatcher;
  /** Hosts that are never intercepted. */
  readonly isExcepted: HostMatcher;
  readonly tunnel: "allow" | "deny";
  readonly own: OwnNames;
  /** Whether the operator configured a credential for this very host. */
  readonly hasCredential: (address: HostPort) => boolean;
  readonly probe: PeerProbe;
};

/** How a host is known: by the operator or the built-in list, by its own answer to a probe, or not at all. */
type Recognition = "named" | "probed" | "unknown";

export class InterceptDecision {
  readonly #options: InterceptDecisionOptions;
  readonly #isBuiltIn: HostMatcher;
  readonly #isSite = hostMatcher(tokenHostsThatAreSites);

  constructor(options: InterceptDecisionOptions) {
    this.#options = options;
    const sites = new Set(tokenHostsThatAreSites);
    const tokenHosts = builtInRealmPairs.map((pair) => pair.tokenHost);
    const others = tokenHosts.filter((host) => !sites.has(host));
    this.#isBuiltIn = hostMatcher([...builtInRegistries, ...others]);
  }

  /** For `CONNECT address`; `userAgent` is that of the CONNECT, the only thing known of the client's kind. */
  async connect(address: HostPort, userAgent: string | undefined): Promise<HostVerdict> {
    const own = this.#ownVerdict(address);
    if (own !== undefined) return own;
    const known = await this.#recognition(address, isContainerEngine(userAgent));
    if (known === "unknown") return this.#through(address);
    const isPlain = this.#options.isPlain(address);
    const peer = await this.#options.probe.peerSpeaksTls(address, isPlain);
    // An engine that finds no TLS there goes on in plain HTTP, to what is kept of it.
    const isDown = peer === "unreachable" && isPlain;
    if (peer === "plain" || peer === "closed" || isDown) return this.#through(address);
    if (peer !== "untrusted") return registry(address, "https");
    if (known === "probed") return this.#through(address);
    return untrusted(address, this.#options.probe.tlsTrouble(address));
  }

  /**
   * For `GET http://address/path`. Plain HTTP is spoken to registries that were written so, and to one that
   * nobody named whose port answers a TLS handshake with bytes that are none.
   */
  async plain(address: HostPort, path: string): Promise<HostVerdict> {
    try {
      return await this.#plain(address, path);
    } catch (error) {
      if (error instanceof UpstreamError) return { kind: "refused", refusal: refusalOf(error) };
      throw error;
    }
  }

  async #plain(address: HostPort, path: string): Promise<HostVerdict> {
    const own = this.#ownVerdict(address);
    if (own !== undefined) return own;
    const { isNamed, isPlain, isExcepted, mode, probe } = this.#options;
    if (isExcepted(address)) return this.#through(address);
    if (isPlain(address)) return registry(address, "http");
    const isApi = /^\/v2(?:[/?]|$)/.test(path);
    // At the usual port there may be a web site beside the registry.
    if (isNamed(address) && (isApi || address.port !== 80)) return await this.#tlsAlone(address);
    if (!isApi || mode === "named" || this.#isBuiltIn(address)) return this.#through(address);
    if ((await probe.peerSpeaksTls(address)) !== "plain") return this.#through(address);
    return (await probe.isRegistry(address, "http"))
      ? registry(address, "http")
      : this.#through(address);
  }

  /** Whoever is on the way could answer in its name. */
  async #tlsAlone(address: HostPort): Promise<HostVerdict> {
    const host = shown(address, 80);
    const isPlain = (await this.#options.probe.peerSpeaksTls(address)) === "plain";
    return refused(
      403,
      isPlain
        ? `${host} speaks no TLS; write http://${host} in REGISTRIES`
        : `${host} is asked over TLS alone; if it speaks none, write http://${host} in REGISTRIES`,
    );
  }

  #ownVerdict(address: HostPort): HostVerdict | undefined {
    const own = this.#options.own;
    if (own.isBackOffice(address)) {
      return refused(403, `${shown(address)} is the proxy's back office, which no proxy leads to`);
    }
    return own.isOwn(address) ? { kind: "own" } : undefined;
  }

  async #recognition(address: HostPort, isEngine: boolean): Promise<Recognition> {
    const { isNamed, isExcepted, hasCredential, mode, probe } = this.#options;
    if (isExcepted(address)) return "unknown";
    if (this.#isSite(address)) return isEngine && hasCredential(address) ? "named" : "unknown";
    if (isNamed(address) || this.#isBuiltIn(address)) return "named";
    if (mode === "named" || !isEngine || address.port !== 443) return "unknown";
    return (await probe.isRegistry(address)) ? "probed" : "unknown";
  }

  /** Which ports and addresses may be reached is for the destination rules to say, when it is dialled. */
  #through(address: HostPort): HostVerdict {
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

function registry(address: HostPort, scheme: Scheme): HostVerdict {
  return { kind: "registry", registry: registryAt(address, scheme) };
}

function untrusted(address: HostPort, trouble: string | undefined): HostVerdict {
  return refused(502, trouble ?? `the proxy does not trust the certificate of ${shown(address)}`);
}

function refused(status: number, sentence: string): HostVerdict {
  return { kind: "refused", refusal: { status, sentence } };
}

/** Short enough that the setting named after it survives the reason phrase's 160 bytes. */
function shown(address: HostPort, usualPort?: number): string {
  const text = formatHostPort(address, usualPort);
  return text.length <= 60 ? text : `${text.slice(0, 28)}...${text.slice(-28)}`;
}
