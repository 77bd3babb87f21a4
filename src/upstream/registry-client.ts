/**
 * The port to other registries: what the cache and the registry room ask of them. Tokens, redirects,
 * corporate proxies and destination rules are the adapter's business (pooled-registry-client.ts).
 */
import type { Readable } from "node:stream";
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { Place } from "./location.ts";

/** In whose name a request goes upstream, and for which client's address it takes one of the places there. */
export type Access = AccessKind & {
  readonly from?: string | undefined;
  /** When the token of ours ends that it came by, in milliseconds since 1970. */
  readonly until?: number | undefined;
};

/**
 * `none`: no Authorization and no token is fetched, a 401
 * comes back as it is. `client`: the client's own header, untouched. `anonymous` and `shared`: we do
 * the token exchange ourselves, without or with the operator's credential.
 */
type AccessKind =
  | { readonly kind: "none" }
  | { readonly kind: "anonymous" }
  | { readonly kind: "shared" }
  | {
      readonly kind: "client";
      readonly authorization: string;
      /** It came in a token of ours: where the registry wants one of its own, that is got with it. */
      readonly isSealed?: boolean;
    };

/** `blob`: ≤ 5 hops anywhere allowed; `manifest`: ≤ 3 hops, only to `/v2/…/manifests/…`; `pass`: the 3xx is the answer. */
export type RedirectRule = "blob" | "manifest" | "pass";

/**
 * How long the headers may take. `brief`: a kept answer could be served instead, so 1 s to connect and
 * 1.75 s for headers; `full`: 25 s in all; `list`: 120 s, since some registries gather one that long.
 * `open`: outside the registry API, where an answer may begin whenever it likes, and then be silent for
 * 15 minutes.
 */
export type Patience = "full" | "brief" | "list" | "open";

export type RegistryRequest = {
  readonly registry: Registry;
  readonly method: string;
  /** Origin-form path with query, as the upstream names things: `/v2/library/alpine/manifests/3.20`. */
  readonly target: string;
  /** End-to-end fields only; Authorization and Host are never taken from here. */
  readonly headers: HeaderList;
  readonly body?: AsyncIterable<Uint8Array> | undefined;
  /** Whatever the method: its body can be read twice, and sending it twice does no harm. */
  readonly isRepeatable?: boolean;
  readonly access: Access;
  readonly redirects: RedirectRule;
  readonly patience: Patience;
  /** Where an answer to the same request led: asked first, and the registry when that says no. */
  readonly storage?: Place | undefined;
  readonly signal: AbortSignal;
};

/** Must be consumed or destroyed. Silent for 30 s: it fails with UpstreamError TIMEOUT. */
export interface AnswerBody extends Readable {
  /**
   * Takes a piece for other bytes, of which its reader has kept nothing. Who gives pieces back gets
   * larger ones.
   */
  giveBack?(piece: Uint8Array): void;
  /**
   * Its reader keeps so many bytes of it in memory: to be said by whoever takes in the whole. Where all
   * of them keep too many, the body fails with UpstreamError BUSY. Nobody takes in a whole blob.
   */
  keeps?: ((bytes: number) => void) | undefined;
}

export type RegistryResponse = {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: AnswerBody;
  /** The operator's login at another registry opened it: it does not show what the registry asked holds. */
  readonly isBorrowed?: boolean;
  /** Where a blob's redirects led, out of the registry's own hands. */
  readonly storage?: Place;
};

export interface RegistryClient {
  /** Resolves at the response's headers, whatever the status. Throws UpstreamError when there is none. */
  send(request: RegistryRequest): Promise<RegistryResponse>;
}
