/**
 * What happened with a request, told once when it is over; the log and the counters listen. They count
 * by the words below, which docs/reference/words.md defines for people.
 */
import type { BodySource, CacheOutcome } from "../cache/content.ts";
import type { Why } from "../cache/why.ts";
import type { Digest } from "../protocol/digest.ts";
import { bareMediaType, isIndexType, isManifestType } from "../protocol/media-type.ts";
import { printReference } from "../protocol/reference.ts";
import type { RegistryName } from "../protocol/registry-name.ts";
import { type Route, type RouteKind, repositoryOf } from "../protocol/route.ts";
import type { RepeatEnd } from "./answer/answer.ts";
import { ClientGone } from "./answer/client-gone.ts";
import type { Ask, Door } from "./ask.ts";
import type { Exchange, Tally } from "./exchange.ts";
import { withoutSecrets } from "./failure.ts";

export type RegistryEvent = {
  readonly kind: "requestAnswered";
  readonly client: string;
  readonly door: Door;
  readonly registry: RegistryName;
  /** As the upstream names it; undefined where the request names none. */
  readonly repository: string | undefined;
  readonly route: RouteKind;
  /** What was asked for: a tag, a digest, or the kind of request. */
  readonly what: string;
  readonly method: string;
  /** 499 when the client left before there was an answer. */
  readonly status: number;
  /** Body bytes sent to the client, and received from it. */
  readonly bytes: number;
  readonly received: number;
  readonly outcome: CacheOutcome | undefined;
  /** On what the answer was decided, where that was the cache's or POLICY's to say. */
  readonly why: Why | undefined;
  /** From where the bytes of its body came, where they are content. */
  readonly source: BodySource | undefined;
  /** What was given, where that is known to be content. */
  readonly digest: Digest | undefined;
  readonly mediaType: string | undefined;
  readonly milliseconds: number;
  /** Until the first piece of the body was at hand; until the end where there was no body. */
  readonly firstByte: number;
  /** `cut`: broken off, for want of bytes or because the client stopped reading; `left`: the client went away. */
  readonly end: Tally["end"];
  readonly error:
    | { readonly code: string; readonly host: string | undefined; readonly message: string }
    | undefined;
};

export type ObserveRegistry = (event: RegistryEvent) => void;

export type RequestKind = "manifest" | "blob" | "tags" | "referrers" | "token" | "upload" | "other";

export function kindOf({ route, what }: Pick<RegistryEvent, "route" | "what">): RequestKind {
  switch (route) {
    case "manifest":
    case "blob":
    case "tags":
    case "referrers":
    case "upload":
      return route;
    case "upload-start":
      return "upload";
    default:
      return what === "token" ? "token" : "other";
  }
}

/** How it was answered: as the log says it, or what kind of an end it had without the cache. */
export function outcomeOf({ outcome, status }: Pick<RegistryEvent, "outcome" | "status">): string {
  if (outcome !== undefined) return outcome;
  if (status >= 500) return "failed";
  return status >= 400 ? "refused" : "own";
}

/** A pull: an image manifest, no index, that was given whole. */
export function isPull(event: RegistryEvent): boolean {
  if (event.route !== "manifest" || event.method !== "GET" || event.status !== 200) return false;
  if (event.bytes === 0 || event.end !== "complete" || event.mediaType === undefined) return false;
  const type = bareMediaType(event.mediaType);
  return isManifestType(type) && !isIndexType(type);
}

/** Whether no manifest was fetched upstream for it. */
export function isFromCache({ source }: Pick<RegistryEvent, "source">): boolean {
  return source !== undefined && source !== "upstream";
}

/** The event of an exchange that is over. */
export function requestAnswered(
  exchange: Exchange,
  { started, ended }: { readonly started: number; readonly ended: number },
): RegistryEvent {
  const { ask, method, route, tally } = exchange;
  return {
    kind: "requestAnswered",
    client: ask.client,
    door: ask.door,
    registry: ask.registry.name,
    repository: repositoryOf(route),
    route: route.kind,
    what: tally.isToken ? "token" : whatOf(route),
    method,
    status: tally.end === "left" && tally.status === 0 ? 499 : tally.status,
    bytes: tally.sent,
    received: tally.received,
    outcome: tally.outcome,
    why: tally.decision.why,
    source: tally.source,
    digest: tally.digest,
    mediaType: tally.mediaType,
    milliseconds: ended - started,
    firstByte: (tally.begunAt ?? ended) - started,
    end: tally.end,
    error: tally.end === "left" ? undefined : describe(tally.error),
  };
}

/** Of an answer that was given before, with all that was told of it. */
export function repeatAnswered(
  before: RegistryEvent,
  { client }: Pick<Ask, "client">,
  { isWhole, isLate, begunAt, started, ended }: Repeat,
): RegistryEvent {
  return {
    ...before,
    client,
    bytes: isWhole ? before.bytes : 0,
    milliseconds: ended - started,
    firstByte: (begunAt ?? ended) - started,
    end: endOf(isWhole, isLate),
    error: isLate ? describe(new ClientGone("STOPPED_READING")) : undefined,
  };
}

type Repeat = RepeatEnd & { readonly started: number; readonly ended: number };

function endOf(isWhole: boolean, isLate: boolean): Tally["end"] {
  if (isWhole) return "complete";
  return isLate ? "cut" : "left";
}

function whatOf(route: Route): string {
  if (route.kind === "manifest") return printReference(route.reference);
  return "digest" in route ? route.digest : route.kind;
}

function describe(error: unknown): RegistryEvent["error"] {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  const host = "host" in error && typeof error.host === "string" ? error.host : undefined;
  return { code, host, message: withoutSecrets(error.message) };
}
