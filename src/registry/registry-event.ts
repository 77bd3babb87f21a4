/** What happened with a request, told once when it is over; the log and the counters listen. */
import type { CacheOutcome } from "../cache/content.ts";
import type { RegistryName } from "../protocol/registry-name.ts";
import type { RouteKind } from "../protocol/route.ts";
import type { Door } from "./ask.ts";

export type RegistryEvent = {
  readonly kind: "requestAnswered";
  readonly client: string;
  readonly door: Door;
  readonly registry: RegistryName;
  /** As the upstream names it; undefined where the request names none. */
  readonly repository: string | undefined;
  /** What was asked for: a tag, a digest, or the kind of request. */
  readonly what: string;
  readonly route: RouteKind;
  readonly method: string;
  readonly status: number;
  /** Body bytes sent to the client. */
  readonly bytes: number;
  /** Body bytes received from it. */
  readonly received: number;
  readonly outcome: CacheOutcome | undefined;
  readonly milliseconds: number;
  /** `cut`: broken off because the bytes could not be had or the client stopped reading; `left`: the client went away. */
  readonly end: "complete" | "cut" | "left";
  readonly error:
    | { readonly code: string; readonly host: string | undefined; readonly message: string }
    | undefined;
};

export type ObserveRegistry = (event: RegistryEvent) => void;
