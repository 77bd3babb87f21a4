/**
 * One request being answered. Handlers read it and return a reply; they never touch the response:
 * answer.ts alone writes.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BodySource, CacheAnswer, CacheOutcome, Reuse } from "../cache/content.ts";
import type { Decision } from "../cache/why.ts";
import type { Digest } from "../protocol/digest.ts";
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { Route } from "../protocol/route.ts";
import type { Ask } from "./ask.ts";

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ask: Ask;
  readonly method: string;
  readonly headers: HeaderList;
  readonly route: Route;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** What the event at the end will tell. */
  readonly tally: Tally;
};

export type Tally = {
  status: number;
  /** It asks for a token, whatever its path. */
  isToken: boolean;
  /** It was asked upstream with the operator's credential, or might have been. */
  isShared: boolean;
  /** Body bytes sent to the client, and received from it. */
  sent: number;
  received: number;
  outcome: CacheOutcome | undefined;
  /** On what the answer was decided. */
  readonly decision: Decision;
  /** From where the bytes of the body came; undefined for answers of our own, and of what was pushed here. */
  source: BodySource | undefined;
  /** What was given, as far as it is known: its digest and its type. */
  digest: Digest | undefined;
  mediaType: string | undefined;
  /** By the engine's clock, when the first piece of the body was at hand. */
  begunAt: number | undefined;
  end: "complete" | "cut" | "left";
  error: unknown;
  /** When the token that came with it ends, in milliseconds since 1970; undefined for what has no end. */
  loginUntil: number | undefined;
  /** The answer, where it may be given again. */
  given: GivenAnswer | undefined;
};

/** What was sent of a whole answer, as far as it is the same for the next one. */
export type GivenAnswer = {
  /** Name, value, name, value …, as `writeHead` takes them. */
  readonly fields: string[];
  /** Undefined for HEAD. */
  readonly body: Uint8Array | undefined;
  readonly reuse: Reuse;
};

/** A small answer of our own. */
export type Own = {
  readonly kind: "own";
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
};

export type Reply = CacheAnswer | Own;

/** Resolves with what to answer; throws RegistryError, UpstreamError or whatever else went wrong. */
export type Handler = (exchange: Exchange) => Promise<Reply>;

/** Which handler answers a request, by its route and method. Throws RegistryError where none does. */
export type FindHandler = (exchange: Exchange) => Handler;
