/**
 * `GET /v2/`: answered from the remembered challenge, so that a pull of what is kept asks nobody. A
 * login of the client's own is the upstream's to judge.
 */

import type { Passed } from "../../cache/content.ts";
import { printChallenge } from "../../protocol/http/challenge.ts";
import {
  endToEnd,
  type HeaderList,
  headerList,
  headerValue,
} from "../../protocol/http/header-list.ts";
import { isUnavailable } from "../../protocol/http/status.ts";
import { ownTokenIn } from "../../protocol/own-token.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { Authorizer } from "../../upstream/auth/authorizer.ts";
import type { ChallengeFinder, PingAnswer } from "../../upstream/auth/challenge-finder.ts";
import type { ChallengeMemory } from "../../upstream/auth/challenge-memory.ts";
import type { RememberedChallenge } from "../../upstream/auth/registry-challenge.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Ask } from "../ask.ts";
import type { Exchange, Own, Reply } from "../exchange.ts";
import type { AccessOf } from "./access.ts";
import { ownChallenge } from "./own-realm.ts";
import { passInTime } from "./timed-pass.ts";

export type PingParts = {
  readonly accessOf: AccessOf;
  readonly authorizer: Pick<Authorizer, "hasOwnRealm">;
  readonly memory: ChallengeMemory;
  readonly finder: ChallengeFinder;
  readonly client: RegistryClient;
  /** Whether the operator put images of that registry here. */
  readonly hasImported?: ((registry: Registry) => Promise<boolean>) | undefined;
};

const signatures = "x-registry-supports-signatures";
const apiVersion = "docker-distribution-api-version";

export class Ping {
  readonly #parts: PingParts;

  constructor(parts: PingParts) {
    this.#parts = parts;
  }

  /** Throws RegistryError with the challenge, or UpstreamError when nobody can be asked. */
  async answer(exchange: Exchange): Promise<Reply> {
    const { ask, headers, method, signal } = exchange;
    if (ask.isOpen) return this.#welcome(ask);
    const access = await this.#parts.accessOf(headers, ask, { method, signal });
    switch (access.kind) {
      case "rejected":
        throw unauthorized(access.challenge);
      case "client":
        return this.#pass(exchange, access);
      case "shared":
        return isBare(headers) ? this.#fromMemory(exchange) : this.#welcome(ask);
      case "anonymous":
        return this.#welcome(ask);
      case "none":
        return this.#fromMemory(exchange);
    }
  }

  #welcome({ registry }: Ask): Own {
    return welcome(this.#parts.memory.recall(registry)?.hasSignatures);
  }

  async #fromMemory(exchange: Exchange): Promise<Reply> {
    const { ask, signal } = exchange;
    const { memory, finder, authorizer } = this.#parts;
    const known = memory.recall(ask.registry);
    const isOurs = () => ask.isPublicOnly !== true && authorizer.hasOwnRealm(ask.registry);
    if (known !== undefined && memory.isFresh(known)) return replyFrom(known, isOurs());
    const answer = await unlessKept(
      finder.ping(ask.registry, known === undefined ? "full" : "brief", signal),
      async () => known !== undefined || (await this.#hasImported(ask)),
    );
    const remembered = answer?.remembered ?? (isTrouble(answer) ? known : undefined);
    if (remembered !== undefined) return replyFrom(remembered, isOurs());
    // What was imported is pulled without a login while nobody can say who needs one.
    if (answer === undefined) return welcome();
    return asItIs(answer);
  }

  async #hasImported({ registry, isPublicOnly }: Ask): Promise<boolean> {
    return isPublicOnly !== true && (await this.#parts.hasImported?.(registry)) === true;
  }

  #pass(exchange: Exchange, access: Access): Promise<Passed> {
    const { ask, method, headers } = exchange;
    return passInTime(exchange, async ({ signal }) => {
      const response = await this.#parts.client.send({
        registry: ask.registry,
        method,
        target: ask.target,
        headers: endToEnd(headers),
        access,
        redirects: "pass",
        patience: "full",
        signal,
      });
      return { kind: "passed", response, outcome: "bypass" };
    });
  }
}

/** The outcome; undefined when the upstream gives none and something kept can be said instead. */
async function unlessKept<T>(
  work: Promise<T>,
  isKept: () => Promise<boolean>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const isOver = !(error instanceof UpstreamError) || error.code === "ABORTED";
    if (!isOver && (await isKept())) return undefined;
    throw error;
  }
}

/** Throws RegistryError with the registry's challenge, or with ours where it has one of ours. */
function replyFrom(remembered: RememberedChallenge, isOurs: boolean): Own {
  const { registry, lines, hasSignatures } = remembered;
  if (isOurs) throw unauthorized([printChallenge(ownChallenge(registry))], hasSignatures);
  if (lines.length > 0) throw unauthorized(lines, hasSignatures);
  return welcome(hasSignatures);
}

/** Engines that have a token send it with the ping too. */
function isBare(headers: HeaderList): boolean {
  return ownTokenIn(headerValue(headers, "authorization")) === undefined;
}

/** No answer, or one that says nothing about logging in, now. */
function isTrouble(answer: { readonly status: number } | undefined): boolean {
  return answer === undefined || isUnavailable(answer.status);
}

function welcome(hasSignatures = false): Own {
  const headers = headerList({
    "content-type": "application/json",
    [apiVersion]: "registry/2.0",
    [signatures]: hasSignatures ? "1" : undefined,
  });
  return { kind: "own", status: 200, headers, body: Buffer.from("{}") };
}

function unauthorized(lines: readonly string[], hasSignatures = false): RegistryError {
  return new RegistryError("UNAUTHORIZED", "authentication required", {
    headers: headerList({
      ...{ "www-authenticate": lines, [apiVersion]: "registry/2.0" },
      [signatures]: hasSignatures ? "1" : undefined,
    }),
  });
}

function asItIs({ status, headers, body }: PingAnswer): Own {
  const kept = new Map(endToEnd(headers));
  kept.delete("content-length");
  return { kind: "own", status, headers: kept, body };
}
