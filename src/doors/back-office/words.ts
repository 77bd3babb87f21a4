/** The words everything here counts by; docs/reference/words.md defines them for people. */
import type { Reason } from "../../cache/why.ts";
import { bareMediaType, isIndexType, isManifestType } from "../../protocol/media-type.ts";
import type { RegistryEvent } from "../../registry/registry-event.ts";

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

/** What each reason is for people. */
export const reasonText: Readonly<Record<Reason, string>> = {
  kept: "it is kept, and open to who asks",
  fresh: "the tag was confirmed within its time",
  immutable: "a rule says that the tag never moves",
  "failed lately": "the registry could not say a moment ago",
  "missing lately": "the registry said a moment ago that there is none",
  unknown: "it was never asked for",
  expired: "the tag was confirmed too long ago",
  imported: "the tag was imported, and its registry has not said yet what it means",
  "never believed": "a rule has the tag confirmed each time",
  "no-cache": "the client wanted it confirmed",
  "not kept": "it is not kept",
  "not proven": "nothing shows yet that it is open to who asks",
  "old proof": "what shows that it is open to who asks was to be renewed",
  "may push": "a push goes by what the registry itself has",
  list: "lists are asked for each time",
  policy: "POLICY does not allow it",
};

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

/** What went through for one registry, since the start; statistics keep how it grew each minute. */
export type Traffic = {
  requests: number;
  /** Answered with 5xx, or broken off. */
  errors: number;
  pulls: number;
  cachedPulls: number;
  /** Body bytes to clients, and those of them that needed nothing from upstream. */
  sent: number;
  saved: number;
  /** Body bytes from upstream. */
  fetched: number;
};

export const noTraffic: Readonly<Traffic> = {
  ...{ requests: 0, errors: 0, pulls: 0, cachedPulls: 0, sent: 0, saved: 0, fetched: 0 },
};

export function trafficOf(all: Map<string, Traffic>, registry: string): Traffic {
  const known = all.get(registry);
  if (known !== undefined) return known;
  const traffic = { ...noTraffic };
  all.set(registry, traffic);
  return traffic;
}
