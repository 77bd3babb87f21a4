/**
 * Answers that may be given again as they are: small manifests out of the cache, to who asks the same
 * in the same way and may have the same, for as long as what they rest on holds. A second at most, for
 * in between all of that has to count as used.
 */
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { Generation } from "../../runtime/generation.ts";
import { ownBytes } from "../../runtime/own-bytes.ts";
import type { Ask } from "../ask.ts";
import type { GivenAnswer } from "../exchange.ts";
import type { RegistryEvent } from "../registry-event.ts";

export type KeptAnswer = GivenAnswer & {
  /** What was told of it. */
  readonly event: RegistryEvent;
  /** Where its Age stands; 0 where it has none. */
  readonly ageAt: number;
  readonly generation: number;
  readonly until: number;
  /** By the wall clock: the end of the token that it was given for. */
  readonly loginUntil: number;
};

/** Where an answer is kept, and the generation in which it begins to be decided. */
export type AnswerPlace = { readonly key: string; readonly generation: number };

export type SmallAnswersOptions = {
  readonly generation: Pick<Generation, "current">;
  /** The cache's clock. */
  readonly steady: () => number;
  /** The wall clock, by which tokens end. */
  readonly now: () => number;
};

/** Milliseconds. */
const longest = 1_000;
/** Larger ones take turns as bodies do. */
const largest = 16 * 1024;
const mostBytes = 8 * 1024 * 1024;
/** What an answer takes beside its body and key. */
const perAnswer = 4 * 1024;

/** Fields of a request that may change its answer, or have it confirmed first. */
const deciding = [
  ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"],
  ...["range", "cache-control", "pragma", "content-length", "transfer-encoding", "expect"],
];

export class SmallAnswers {
  readonly #options: SmallAnswersOptions;
  readonly #answers = new BoundedMap<string, KeptAnswer>({
    bytes: {
      limit: mostBytes,
      of: ({ body }, key) => perAnswer + 2 * key.length + (body?.length ?? 0),
    },
  });
  /** No client's login is kept, in clear or so that anybody could guess it. */
  readonly #salt = randomBytes(32);

  constructor(options: SmallAnswersOptions) {
    this.#options = options;
  }

  /** Undefined for what is decided anew each time. */
  placeOf({ method, headers }: IncomingMessage, ask: Ask): AnswerPlace | undefined {
    if ((method !== "GET" && method !== "HEAD") || ask.door === "hosted") return undefined;
    if (!ask.target.includes("/manifests/")) return undefined;
    for (const name of deciding) if (headers[name] !== undefined) return undefined;
    const { registry, view } = ask;
    const asker = `${ask.isOpen}${ask.isPublicOnly}${ask.foreign !== undefined}`;
    const { accept, authorization } = headers;
    const key = [
      `${method} ${ask.door} ${asker} ${registry.scheme} ${registry.name} ${ask.target}`,
      `${view.repositoryPrefix} ${view.isLibraryImplied} ${written(view.namespace)}`,
      written(accept),
      authorization === undefined ? "" : this.#hashed(authorization),
    ].join("\n");
    return { key, generation: this.#options.generation.current };
  }

  find({ key, generation }: AnswerPlace): KeptAnswer | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    const { steady, now } = this.#options;
    const isGood =
      answer.generation === generation && steady() < answer.until && now() < answer.loginUntil;
    if (isGood) return answer;
    this.#answers.delete(key);
    return undefined;
  }

  /** Keeps it, unless something has changed since it began to be decided. */
  keep(
    place: AnswerPlace,
    given: GivenAnswer,
    its: Pick<KeptAnswer, "event" | "loginUntil">,
  ): void {
    const { generation, steady } = this.#options;
    if (place.generation !== generation.current || (given.body?.length ?? 0) > largest) return;
    const { fields, reuse } = given;
    const until = Math.min(reuse.until, steady() + longest);
    const ageAt = fields.findIndex((name, index) => index % 2 === 0 && name === "Age") + 1;
    const body = given.body && ownBytes(given.body);
    const kept = { ...given, ...its, body, ageAt, until, generation: place.generation };
    this.#answers.set(place.key, kept);
  }

  /** Its fields as they are now. */
  fieldsOf({ fields, ageAt, reuse: { confirmedAt } }: KeptAnswer): string[] {
    if (confirmedAt === undefined || ageAt === 0) return fields;
    const age = Math.max(0, Math.floor((this.#options.steady() - confirmedAt) / 1_000));
    return fields.with(ageAt, String(age));
  }

  #hashed(authorization: string): string {
    return createHash("sha256").update(this.#salt).update(authorization).digest("base64url");
  }
}

/** What is not there is unlike any text. */
function written(text: string | undefined): string {
  return text === undefined ? "-" : `=${text}`;
}
