/**
 * One request being answered. Handlers read it and return a reply; they never touch the response:
 * answer.ts alone writes.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CacheAnswer, CacheOutcome } from "../cache/content.ts";
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { Route } from "../protocol/route.ts";
import type { Access } from "../upstream/registry-client.ts";
import type { Ask } from "./ask.ts";

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ask: Ask;
  readonly method: string;
  /** The target without its query. */
  readonly path: string;
  /** The query with its question mark, "" when there is none. */
  readonly query: string;
  readonly headers: HeaderList;
  readonly route: Route;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** What the event at the end will tell. */
  readonly tally: Tally;
};

export type Tally = {
  status: number;
  /** Body bytes sent to the client, and received from it. */
  sent: number;
  received: number;
  outcome: CacheOutcome | undefined;
  /** `cut`: we broke off; `left`: the client did. */
  end: "complete" | "cut" | "left";
  error: unknown;
};

/** A small answer of our own. */
export type Own = {
  readonly kind: "own";
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
};

export type Reply = CacheAnswer | Own;

/** Resolves with what to answer; throws RegistryError, UpstreamError or whatever else went wrong. */
export type Handler = (exchange: Exchange) => Promise<Reply>;

/** In whose name to go on, or the challenge that says why the request's Authorization is no good. */
export type AccessDecision =
  | Access
  | { readonly kind: "rejected"; readonly challenge: readonly string[] | string | undefined };
