/**
 * The mirror door: an origin-form `/v2/` request becomes an Ask of the registry engine. A host nobody
 * named is asked for only once it has shown itself to be a registry.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HostPort } from "../../protocol/http/host-port.ts";
import { type RegistryName, registryAddress } from "../../protocol/registry-name.ts";
import type { Ask } from "../../registry/ask.ts";
import type { ObserveDoor } from "../door-event.ts";
import { askedOf, type Refusal, refuseRequest } from "../refusal.ts";
import { isLoopback } from "../server/admission.ts";
import type { CallHandler, OriginCall } from "../server/calls.ts";
import { type Addressed, addressMirror, type MirrorRules } from "./addressing.ts";

export type MirrorOptions = {
  readonly rules: MirrorRules;
  readonly engine: CallHandler<Ask>;
  /** Whether `GET /v2/` there is answered as registries answer it (upstream/net/probe.ts). */
  readonly isRegistry: (address: HostPort) => Promise<boolean>;
  /** Whether this client may have what the operator's credential opens without logging in to the proxy. */
  readonly mayHaveShared: (client: string) => boolean;
  readonly observe: ObserveDoor;
};

export class Mirror {
  readonly #options: MirrorOptions;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** Answers the request. Throws only what the engine throws, which is nothing. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    call: OriginCall,
  ): Promise<void> {
    const addressed = addressMirror(call.target, call.host, this.#options.rules);
    if ("sentence" in addressed) return this.#refuse(request, response, call, addressed);
    const problem = await this.#problemOf(addressed, call);
    if (problem !== undefined) return this.#refuse(request, response, call, problem);
    const { registry, target, view, isLogin } = addressed;
    const { client, isDirect, foreign } = call;
    // Through the proxy door a client has shown its login; at a login name it has an account of its own.
    const isShared = !isLogin && (!isDirect || this.#options.mayHaveShared(client));
    const isPublicOnly = !isShared || foreign !== undefined;
    const foreignness = foreign && { foreign: foreign.sentence };
    const its = { registry, target, client, view, isOpen: !isLogin, isPublicOnly, ...foreignness };
    const ask: Ask = { door: "mirror", ...its };
    await this.#options.engine.handle(request, response, ask);
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    { client }: OriginCall,
    refusal: Refusal,
  ): void {
    const { status, sentence: reason } = refusal;
    this.#options.observe({ kind: "refused", client, asked: askedOf(request), status, reason });
    refuseRequest(response, refusal);
  }

  async #problemOf(addressed: Addressed, call: OriginCall): Promise<Refusal | undefined> {
    // Over plain HTTP anybody on the way could read the login.
    if (addressed.isLogin && !call.isTls && !isLoopback(call.client)) return loginNeedsTls;
    const { name } = addressed;
    if (this.#isListed(name)) return undefined;
    return (await this.#options.isRegistry(registryAddress(name))) ? undefined : unknown(name);
  }

  #isListed(name: RegistryName): boolean {
    const { rules } = this.#options;
    if (name === rules.defaultName || rules.isKnown(name)) return true;
    return rules.virtualHosts.some((one) => one.name === name);
  }
}

const loginNeedsTls: Refusal = {
  status: 403,
  sentence: "this name takes logins and answers over TLS only",
};

/** 404, so that a container engine goes on to the next endpoint. */
function unknown(name: RegistryName): Refusal {
  return {
    status: 404,
    sentence: `${name} does not answer as a registry; if it is one, add it to REGISTRIES on the proxy, with http:// if it speaks no TLS`,
  };
}
