/**
 * `GET /v2/`: answered from the remembered challenge, so that a pull of what is kept asks nobody. A
 * login of the client's own is the upstream's to judge.
 */

import type { Passed } from "../../cache/content.ts";
import { headerList } from "../../protocol/http/header-list.ts";
import { endToEnd } from "../../protocol/http/hop-by-hop.ts";
import { isRefusal, isUnavailable } from "../../protocol/http/status.ts";
import type { OwnTokens } from "../../protocol/own-token.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Authorizer } from "../../upstream/auth/authorizer.ts";
import type { ChallengeFinder, PingAnswer } from "../../upstream/auth/challenge-finder.ts";
import type { ChallengeMemory, RememberedChallenge } from "../../upstream/auth/challenge-memory.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Exchange, Own, Reply } from "../exchange.ts";
import { accessOf } from "./access.ts";
import { passInTime } from "./timed-pass.ts";

export type PingParts = {
  readonly ownTokens: OwnTokens;
  readonly authorizer: Authorizer;
  readonly memory: ChallengeMemory;
  readonly finder: ChallengeFinder;
  readonly client: RegistryClient;
  readonly now: () => number;
};

const freshMs = 600_000;
const apiVersion = "docker-distribution-api-version";

export class Ping {
  readonly #parts: PingParts;
  /** When the shared credential last opened a Basic registry; the key holds the credential's id. */
  readonly #openedAt = new Map<string, number>();

  constructor(parts: PingParts) {
    this.#parts = parts;
  }

  /** Throws RegistryError with the challenge, or UpstreamError when nobody can be asked. */
  async answer(exchange: Exchange): Promise<Reply> {
    const { ask, headers, method, signal } = exchange;
    if (ask.isOpen) return welcome();
    const { ownTokens, authorizer } = this.#parts;
    const access = await accessOf(headers, ask, { method, signal, ownTokens, authorizer });
    switch (access.kind) {
      case "rejected":
        throw unauthorized(access.challenge);
      case "client":
        return this.#pass(exchange, access, "full");
      case "shared":
        return authorizer.isSharedOnly(ask.registry) ? this.#open(exchange) : welcome();
      case "anonymous":
        return welcome();
      case "none":
        return this.#fromMemory(exchange);
    }
  }

  async #fromMemory(exchange: Exchange): Promise<Reply> {
    const { ask, signal } = exchange;
    const { memory, finder, authorizer } = this.#parts;
    const known = memory.recall(ask.registry);
    if (known !== undefined && memory.isFresh(known)) return replyFrom(known);
    const answer = await unlessKept(
      finder.ping(ask.registry, known === undefined ? "full" : "brief", signal),
      known !== undefined,
    );
    const remembered = answer?.remembered ?? (isTrouble(answer) ? known : undefined);
    if (remembered !== undefined) {
      const isOpened = ask.isPublicOnly !== true && authorizer.isSharedOnly(ask.registry);
      return isOpened ? this.#open(exchange) : replyFrom(remembered);
    }
    if (answer === undefined) throw new RegistryError("UNAVAILABLE", "the registry is silent");
    return asItIs(answer);
  }

  /**
   * A Basic registry is opened with the shared credential, and is open while it cannot be asked. Nor
   * does a refused one close it: clients have no other login, and what is kept is still for them.
   */
  async #open(exchange: Exchange): Promise<Reply> {
    const { registry } = exchange.ask;
    const key = `${registry.name} ${this.#parts.authorizer.credentialId(registry, undefined)}`;
    const openedAt = this.#openedAt.get(key) ?? Number.NEGATIVE_INFINITY;
    if (this.#parts.now() - openedAt <= freshMs) return welcome();
    const reply = await unlessKept(this.#pass(exchange, { kind: "shared" }, "brief"), true);
    if (reply === undefined || isTrouble(reply.response) || isRefusal(reply.response.status)) {
      reply?.response.body.destroy();
      return welcome();
    }
    if (reply.response.status === 200) this.#openedAt.set(key, this.#parts.now());
    return reply;
  }

  #pass(exchange: Exchange, access: Access, patience: "full" | "brief"): Promise<Passed> {
    const { ask, method, headers, tally } = exchange;
    tally.isShared = access.kind === "shared";
    return passInTime(exchange, async ({ signal }) => {
      const response = await this.#parts.client.send({
        registry: ask.registry,
        method,
        target: ask.target,
        headers: endToEnd(headers),
        access,
        redirects: "pass",
        patience,
        signal,
      });
      return { kind: "passed", response, outcome: "bypass" };
    });
  }
}

/** The outcome; undefined when the upstream gives none and something kept can be said instead. */
async function unlessKept<T>(work: Promise<T>, isKept: boolean): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isKept && error instanceof UpstreamError && error.code !== "ABORTED") return undefined;
    throw error;
  }
}

function replyFrom(remembered: RememberedChallenge): Own {
  if (remembered.lines.length > 0) throw unauthorized(remembered.lines);
  return welcome();
}

/** No answer, or one that says nothing about logging in, now. */
function isTrouble(answer: { readonly status: number } | undefined): boolean {
  return answer === undefined || isUnavailable(answer.status);
}

function welcome(): Own {
  const headers = headerList({
    "content-type": "application/json",
    [apiVersion]: "registry/2.0",
  });
  return { kind: "own", status: 200, headers, body: Buffer.from("{}") };
}

function unauthorized(lines: readonly string[]): RegistryError {
  return new RegistryError("UNAUTHORIZED", "authentication required", {
    headers: headerList({ "www-authenticate": lines, [apiVersion]: "registry/2.0" }),
  });
}

function asItIs({ status, headers, body }: PingAnswer): Own {
  const kept = new Map(endToEnd(headers));
  kept.delete("content-length");
  return { kind: "own", status, headers: kept, body };
}
