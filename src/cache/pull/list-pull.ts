/**
 * Tag lists and referrers: the registry is asked each time. The last answer to an anonymous or a
 * shared ask stands in while it cannot be asked, for whom the repository is open in that same name.
 */

import { Readable } from "node:stream";
import { type HeaderList, headerValue } from "../../protocol/http/header-list.ts";
import { isRefusal, isUnavailable } from "../../protocol/http/status.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import { Flights } from "../../runtime/flights.ts";
import { ownBytes } from "../../runtime/own-bytes.ts";
import type { Access, AnswerBody } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Visibility } from "../access/visibility.ts";
import { isExcuse, readBody } from "../asking/small-answer.ts";
import type { Passed } from "../content.ts";
import { type Generations, type RepositoryRef, repositoryKey } from "../repository-ref.ts";
import { ageOf, maySubstitute } from "../tags/freshness.ts";
import type { Decision, Said } from "../why.ts";

export type ListAsk = RepositoryRef & {
  readonly access: Access;
  readonly isPublicOnly: boolean;
  /** Path and query as they go upstream: paging keys are opaque. */
  readonly target: string;
  /** Hears on what the answer is decided. */
  readonly decision: Decision;
  /** Ends when the client leaves. */
  readonly signal: AbortSignal;
};

/** Asks the registry. Throws UpstreamError when there is no answer. */
export type AskForList = (patience: "list" | "brief", signal: AbortSignal) => Promise<Passed>;

export type ListPullOptions = {
  readonly visibility: Visibility;
  readonly generations: Generations;
  /** Milliseconds for which a list stands in. */
  readonly staleIfError: number;
  readonly now: () => number;
};

type KeptList = {
  /** 200, or 404 of a registry that knows no referrers: its clients go on to a tag then. */
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
  readonly checkedAt: number;
  readonly generation: number;
};

const MiB = 1024 * 1024;
const largest = MiB;
/** What is said to others of an answer: no cookie, and nothing about whoever asked. */
const shareable = ["content-type", "link", "oci-filters-applied"];

export class ListPull {
  readonly #options: ListPullOptions;
  readonly #kept = new FairMap<string, KeptList>({ bytes: { limit: 32 * MiB, of: sizeOf } });

  readonly #refreshes = new Flights<void>();

  constructor(options: ListPullOptions) {
    this.#options = options;
  }

  async answer(ask: ListAsk, send: AskForList): Promise<Passed> {
    ask.decision.because({ reason: "list" });
    const patience = (await this.#stale(ask)) === undefined ? "list" : "brief";
    const generation = this.#options.generations.of(ask);
    const key = this.#keyOf(ask);
    try {
      const passed = await send(patience, ask.signal);
      const { status, body } = passed.response;
      ask.decision.heard(saidBy(status), ask.access);
      const stale = isUnavailable(status) ? await this.#stale(ask) : undefined;
      if (stale === undefined) return this.#noted(ask, passed, { key, generation });
      body.destroy();
      return stale;
    } catch (error) {
      if (!isExcuse(error)) throw error;
      ask.decision.heard("unavailable", ask.access);
      const stale = await this.#stale(ask);
      if (stale === undefined) throw error;
      if (isLate(error)) this.#refresh(ask, key, send);
      return stale;
    }
  }

  /** Ends what goes on behind clients' backs. */
  close(): Promise<void> {
    return this.#refreshes.close();
  }

  /** Who had to do with a kept list leaves a newer one to the next. */
  #refresh(ask: ListAsk, key: string | undefined, send: AskForList): void {
    if (key === undefined) return;
    void this.#refreshes.join(key, async (life) => {
      const generation = this.#options.generations.of(ask);
      const passed = await send("list", life);
      const { response } = this.#noted(ask, passed, { key, generation });
      if ((await readBody(response, largest)) === undefined) this.#kept.delete(key);
    });
  }

  /** What was learned of the list, once its client has read all of it. */
  #noted(
    ask: ListAsk,
    passed: Passed,
    { key, generation }: { readonly key: string | undefined; readonly generation: number },
  ): Passed {
    if (key === undefined) return passed;
    const { generations, visibility, now } = this.#options;
    const { response } = passed;
    const { status } = response;
    const isGone = status === 404 || (isRefusal(status) && !visibility.isOurFault(ask, ask.access));
    if (isGone) this.#kept.delete(key);
    if (!isList(passed) && !knowsNoReferrers(ask, passed)) return passed;
    const checkedAt = now();
    const headers = new Map([...response.headers].filter(([field]) => shareable.includes(field)));
    const keep = (all: Buffer | undefined): void => {
      if (all === undefined) this.#kept.delete(key);
      else if (generations.of(ask) === generation)
        this.#kept.set(key, { status, headers, body: all, checkedAt, generation }, ask.access.from);
    };
    const body = Readable.from(collected(response.body, keep), { objectMode: false });
    body.once("close", () => response.body.destroy());
    return { ...passed, response: { ...response, body } };
  }

  /** Undefined where what comes is for its asker alone. */
  #keyOf(ask: ListAsk): string | undefined {
    const name = this.#options.visibility.openName(ask, ask.access);
    return name === undefined ? undefined : keyOf(ask, name);
  }

  /** The newest list that this asker may have. */
  async #stale(ask: ListAsk): Promise<Passed | undefined> {
    const { visibility, generations, staleIfError, now } = this.#options;
    const names = await visibility.openNames(ask);
    const lists = names.flatMap((name) => this.#kept.get(keyOf(ask, name)) ?? []);
    const usable = lists.filter(
      (one) =>
        one.generation === generations.of(ask) &&
        maySubstitute({ checkedAt: one.checkedAt, now: now() }, staleIfError),
    );
    const [list] = usable.sort((a, b) => b.checkedAt - a.checkedAt);
    if (list === undefined) return undefined;
    const { status, body, checkedAt } = list;
    const age = Math.floor(ageOf({ checkedAt, now: now() }) / 1_000);
    const headers = new Map(list.headers).set("content-length", [String(body.length)]);
    const warning = `${ask.registry.name} cannot be asked; this is its list of ${age} s ago`;
    const response = { status, headers, body: Readable.from([body]) };
    return { kind: "passed", response, outcome: "stale", age, warning };
  }
}

/** It may only be slow: where it is down, nobody asks until it is back. */
function isLate(error: unknown): boolean {
  return error instanceof UpstreamError && error.code === "TIMEOUT";
}

function saidBy(status: number): Said {
  if (isUnavailable(status)) return "unavailable";
  if (isRefusal(status)) return "refused";
  return status === 404 ? "missing" : "given";
}

/** A login page has status 200 too. */
function isList({ response: { status, headers } }: Passed): boolean {
  const type = headerValue(headers, "content-type") ?? "";
  return status === 200 && !headers.has("content-encoding") && type.includes("json");
}

function knowsNoReferrers({ target }: ListAsk, { response: { status, headers } }: Passed): boolean {
  const isReferrers = splitTarget(target).path.split("/").at(-2) === "referrers";
  return isReferrers && status === 404 && !headers.has("content-encoding");
}

/** The body as it comes; at its end, all of it is kept, or nothing where it is too long. */
async function* collected(
  body: AnswerBody,
  keep: (body: Buffer | undefined) => void,
): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length <= largest) {
      chunks.push(chunk);
      body.keeps?.(length);
    } else chunks = [];
    yield chunk;
  }
  keep(length <= largest ? ownBytes(Buffer.concat(chunks, length)) : undefined);
}

function keyOf(ask: ListAsk, name: string): string {
  return `${repositoryKey(ask)}\n${name}\n${ask.target}`;
}

function sizeOf({ headers, body }: KeptList, key: string): number {
  let size = 200 + 2 * key.length + body.length;
  for (const [field, values] of headers) size += 2 * (field.length + values.join("").length);
  return size;
}
