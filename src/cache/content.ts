/**
 * What the cache hands out: bytes to be read at any offset, from the store or from a download that
 * is still growing, or else the upstream's own answer to be passed on.
 */
import type { ByteSource } from "../download/byte-source.ts";
import type { Digest } from "../protocol/digest.ts";
import type { RateLimit } from "../protocol/http/rate-limit.ts";
import type { RegistryResponse } from "../upstream/registry-client.ts";

/** How the answer came about, for Cache-Status (RFC 9211), the log and the counters. */
export type CacheOutcome =
  | "hit" // from the store
  | "miss" // fetched for this request and stored
  | "collapsed" // joined a fetch that another request started
  | "revalidated" // upstream said that what is kept still holds
  | "stale" // upstream could not be asked; what is kept was served
  | "negative" // a shared 404
  | "bypass"; // passed through, not kept

/** How long an answer may be given again as it is, and what has to be noted then. */
export type Reuse = {
  /** By the cache's clock: the earliest end of what it rests on. */
  readonly until: number;
  /** When the upstream last confirmed it; undefined where it need not be. */
  readonly confirmedAt: number | undefined;
  /** Counts one more answer as a use. */
  readonly again: () => void;
};

export type Content = {
  readonly kind: "content";
  readonly digest: Digest;
  readonly mediaType: string | undefined;
  readonly source: ByteSource;
  readonly outcome: CacheOutcome;
  /** Seconds since the upstream last confirmed it; for the Age field. */
  readonly age: number | undefined;
  /** Text of a `Warning: 299` field, for stale answers. */
  readonly warning: string | undefined;
  /** What the registry last told this asker of the pulls it allows. */
  readonly rateLimit?: RateLimit | undefined;
  /** Undefined when it is decided anew each time. */
  readonly reuse?: Reuse | undefined;
};

/** The upstream's answer, to be passed on as it is (errors, redirects, far ranges). */
export type Passed = {
  readonly kind: "passed";
  readonly response: RegistryResponse;
  readonly outcome: CacheOutcome;
  /** As of content, where what is passed on was kept. */
  readonly age?: number;
  readonly warning?: string;
};

/** Kept in the archive, where the client may fetch it: for what everybody may have. */
export type Elsewhere = {
  readonly kind: "elsewhere";
  readonly digest: Digest;
  /** It opens the blob to whoever has it. */
  readonly location: string;
  readonly outcome: CacheOutcome;
};

export type CacheAnswer = Content | Passed | Elsewhere;

/** Of which nothing is to be said but where its bytes are. */
export function contentOf(
  { digest }: Pick<Content, "digest">,
  { source, mediaType }: { readonly source: ByteSource; readonly mediaType?: string | undefined },
  outcome: CacheOutcome,
): Content {
  const more = { outcome, age: undefined, warning: undefined };
  return { kind: "content", digest, mediaType, source, ...more };
}

/** From where the bytes of a body came: what the registry sent for it, or for others just then, or what was here. */
export type BodySource = "upstream" | "shared" | "disk" | "memory";

/** Undefined where the body is no content. */
export function bodySourceOf(answer: CacheAnswer): BodySource | undefined {
  if (answer.kind === "elsewhere") return undefined;
  switch (answer.outcome) {
    case "miss":
    case "bypass":
      return "upstream";
    case "collapsed":
      return "shared";
    case "negative":
      return undefined;
    case "hit":
    case "revalidated":
    case "stale":
      return answer.kind === "content" && answer.source.place.kind !== "memory" ? "disk" : "memory";
  }
}
