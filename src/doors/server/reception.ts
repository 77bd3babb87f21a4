/**
 * Which door did a request come to? Told apart by the connection it came on and the form of its
 * target; each kind is handed to its handler. `receive` never throws and no request is left unanswered.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HostPort } from "../../protocol/http/host-port.ts";
import { parseAbsolute, splitTarget } from "../../protocol/http/target.ts";
import { type Registry, siteAt } from "../../protocol/registry-name.ts";
import type { Ask } from "../../registry/ask.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { ObserveDoor } from "../door-event.ts";
import {
  askedOf,
  certificateNeeded,
  headTooLong,
  loginNeeded,
  notAllowed,
  type Refusal,
  refuseConnect,
  refuseRequest,
} from "../refusal.ts";
import { type Admission, clientAddress, isLoopback } from "./admission.ts";
import type { CallHandler, ForwardCall, Inside, Insides, OriginCall } from "./calls.ts";
import { asOtherSite, asOutsidersName, type Foreign, isOfPage } from "./foreign.ts";
import type { InterceptDecision } from "./intercept-decision.ts";
import { type HostedHosts, hostedAsk } from "./own-names.ts";
import { framingProblem, hostOf, mismatch, webSocketRefused } from "./request-head.ts";

export type ReceptionOptions = {
  readonly admission: Admission;
  readonly interceptor: Insides;
  readonly decision: Pick<InterceptDecision, "plain">;
  readonly engine: CallHandler<Ask>;
  readonly forwarder: CallHandler<ForwardCall>;
  readonly mirror: CallHandler<OriginCall>;
  readonly frontPage: CallHandler<OriginCall>;
  /** Whether no outsider can lead this name here. */
  readonly isSafeName: (host: string) => boolean;
  /** Names of the registry whose content is pushed here. */
  readonly hosted?: HostedHosts | undefined;
  /** TLS_CLIENT_CA is set: who comes without TLS has shown no certificate. */
  readonly needsClientCertificate?: boolean | undefined;
  readonly observe: ObserveDoor;
};

export class Reception {
  readonly #options: ReceptionOptions;
  /** What still comes on these after a refusal may be the body of what was refused. */
  readonly #refused = new WeakSet<Duplex>();
  readonly #warned = new BoundedMap<string, true>({ limit: 1_000 });

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Whom a connection speaks for, also inside a CONNECT. */
  clientOf(connection: Socket): string {
    return this.#options.interceptor.insideOf(connection)?.client ?? clientAddress(connection);
  }

  /** Nothing is known of the request, since its head was too long to be read. */
  refuseUnread(connection: Socket): void {
    const { status, sentence: reason, why } = headTooLong;
    const client = this.clientOf(connection);
    this.#options.observe({ kind: "refused", client, asked: "?", status, reason, why });
    refuseConnect(connection, headTooLong);
  }

  receive(request: IncomingMessage, response: ServerResponse): void {
    if (this.#refused.has(request.socket)) return;
    const inside = this.#options.interceptor.insideOf(request.socket);
    const client = this.clientOf(request.socket);
    this.#received(request, response, inside).catch((cause: unknown) => {
      this.#options.observe({ kind: "handlerFailed", client, cause });
      refuseRequest(response, { status: 500, sentence: "the proxy failed; its log says why" });
    });
  }

  async #received(
    request: IncomingMessage,
    response: ServerResponse,
    inside: Inside | undefined,
  ): Promise<void> {
    const client = this.clientOf(request.socket);
    const problem =
      (inside === undefined && !this.#options.admission.mayEnter(client)
        ? notAllowed(client)
        : undefined) ??
      framingProblem(request) ??
      webSocketRefused(request);
    if (problem !== undefined) return this.#refuse(request, response, problem);
    if (inside !== undefined) return this.#inside(request, response, inside);
    const target = request.url ?? "";
    if (!target.startsWith("/")) return this.#absolute(request, response, client);
    const isTls = isEncrypted(request.socket);
    const host = hostOf(request, isTls);
    return this.#origin(request, response, { target, host, client, isTls, isDirect: true });
  }

  /** A request inside an intercepted CONNECT. */
  async #inside(request: IncomingMessage, response: ServerResponse, inside: Inside): Promise<void> {
    const { address, registry, client, isTls } = inside;
    const problem = mismatch(request, inside);
    if (problem !== undefined) return this.#refuse(request, response, problem);
    const target = request.url ?? "";
    if (registry === undefined) {
      const call = { target, host: address, client, isTls, isDirect: false };
      return this.#origin(request, response, call);
    }
    const isPublicOnly = isOfPage(request, address);
    const ask = askOf(meant(registry, address, target), { target, client, isPublicOnly });
    return this.#options.engine.handle(request, response, ask);
  }

  /** `GET http://host/…`: the target's authority counts, whatever Host says (RFC 9112 §3.2.2). */
  async #absolute(
    request: IncomingMessage,
    response: ServerResponse,
    client: string,
  ): Promise<void> {
    const parsed = parseAbsolute(request.url ?? "");
    if (parsed === undefined) return this.#refuse(request, response, badTarget);
    if (!this.#options.admission.hasLogin(request.headers["proxy-authorization"])) {
      return this.#refuse(request, response, loginNeeded);
    }
    dropProxyLogin(request);
    const { address, target } = parsed;
    const verdict = await this.#options.decision.plain(address, target);
    switch (verdict.kind) {
      case "refused":
        return this.#refuse(request, response, verdict.refusal);
      case "own": {
        const call = { target, host: address, client, isTls: false, isDirect: false };
        return this.#origin(request, response, call);
      }
      case "registry": {
        const isPublicOnly = isOfPage(request, address);
        const registry = meant(verdict.registry, address, target);
        const ask = askOf(registry, { target, client, isPublicOnly });
        return this.#options.engine.handle(request, response, ask);
      }
      case "through":
        return this.#options.forwarder.handle(request, response, { address, target, client });
    }
  }

  async #origin(
    request: IncomingMessage,
    response: ServerResponse,
    its: Omit<OriginCall, "foreign">,
  ): Promise<void> {
    const { hosted, mirror, frontPage, engine } = this.#options;
    const foreign = this.#foreign(request, its.host);
    const call = { ...its, foreign };
    const { path, query } = splitTarget(call.target);
    if (!isApi(path)) return frontPage.handle(request, response, call);
    if (this.#isUncertified(call)) return this.#refuse(request, response, certificateNeeded);
    if (foreign !== undefined) {
      this.#warnOf(foreign, call.client);
      if (!isReading(request)) return this.#refuse(request, response, refusalOfForeign(foreign));
    }
    const { host } = call;
    if (host !== undefined && hosted?.isAsked(host, query) === true) {
      // Nothing that was pushed here is the world's.
      if (foreign !== undefined) return this.#refuse(request, response, refusalOfForeign(foreign));
      return engine.handle(request, response, hostedAsk(host, call));
    }
    return mirror.handle(request, response, call);
  }

  /** What came through the proxy door has entered by that door's rules. */
  #isUncertified({ isDirect, isTls, client }: OriginCall): boolean {
    const { needsClientCertificate } = this.#options;
    return needsClientCertificate === true && isDirect && !isTls && !isLoopback(client);
  }

  #foreign(request: IncomingMessage, host: HostPort | undefined): Foreign | undefined {
    const { isSafeName } = this.#options;
    return asOtherSite(request, host) ?? asOutsidersName(request, host, isSafeName);
  }

  /** Once for each name. */
  #warnOf({ name }: Foreign, client: string): void {
    if (name === undefined || this.#warned.get(name) === true) return;
    this.#warned.set(name, true);
    this.#options.observe({ kind: "foreignName", client, host: name });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    this.#refused.add(request.socket);
    const client = this.clientOf(request.socket);
    const { status, sentence, why } = refusal;
    const asked = askedOf(request);
    this.#options.observe({ kind: "refused", client, asked, status, reason: sentence, why });
    refuseRequest(response, refusal);
  }
}

const badTarget: Refusal = {
  status: 400,
  sentence: "the request target must be a path or http://host/path; https goes through CONNECT",
};

/** What is no registry request goes to the very host that was named, as `docker search` does. */
function meant(registry: Registry, address: HostPort, target: string): Registry {
  return isApi(splitTarget(target).path) ? registry : siteAt(address, registry.scheme);
}

function isApi(path: string): boolean {
  return path === "/v2" || path.startsWith("/v2/");
}

function askOf(registry: Registry, its: Pick<Ask, "target" | "client" | "isPublicOnly">): Ask {
  const view = { repositoryPrefix: "", namespace: undefined };
  return { registry, door: "proxy", ...its, view, isOpen: false };
}

function isReading({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

function refusalOfForeign({ sentence }: Foreign): Refusal {
  return { status: 403, sentence };
}

/** The login opened this proxy; nobody behind it, and no log, is to see it. */
function dropProxyLogin(request: IncomingMessage): void {
  delete request.headers["proxy-authorization"];
  const raw = request.rawHeaders;
  for (let index = raw.length - 2; index >= 0; index -= 2) {
    if (raw[index]?.toLowerCase() === "proxy-authorization") raw.splice(index, 2);
  }
}

function isEncrypted(connection: Duplex): boolean {
  return "encrypted" in connection && connection.encrypted === true;
}
