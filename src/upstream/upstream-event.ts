/** What happens on the way to other registries, told to whoever observes; never with a secret in it. */
import type { RegistryName } from "../protocol/registry-name.ts";
import type { UpstreamErrorCode } from "./upstream-error.ts";

/** What a request to a registry, or to a host that it sends us on to, is for. */
export type Purpose =
  | "manifest"
  | "blob"
  | "tags"
  | "referrers"
  | "token"
  | "upload"
  | "ping"
  | "other";

export type UpstreamEvent =
  /** One request was answered, or failed before its headers. */
  | {
      readonly kind: "exchanged";
      readonly host: string;
      /** In whose name. */
      readonly registry: RegistryName;
      readonly asked: Purpose;
      readonly method: string;
      readonly status: number | UpstreamErrorCode;
      readonly milliseconds: number;
    }
  /** So many more bytes of bodies came; told every now and then while they come, and at their end. */
  | { readonly kind: "received"; readonly registry: RegistryName; readonly bytes: number }
  /** The host did not answer: it is left alone for a moment where a kept answer will do. */
  | { readonly kind: "hostDown"; readonly host: string; readonly code: UpstreamErrorCode }
  /** A host that was down has answered. */
  | { readonly kind: "hostUp"; readonly host: string }
  /** 429: nothing is asked there with this credential until the time has passed. */
  | {
      readonly kind: "rateLimited";
      readonly host: string;
      readonly access: string;
      readonly seconds: number;
    }
  /** Docker Hub's `ratelimit-*` fields: what is left of how much, in a window of so many seconds. */
  | {
      readonly kind: "rateLimitRead";
      readonly host: string;
      readonly access: string;
      readonly limit: number;
      readonly remaining: number;
      readonly windowSeconds: number | undefined;
    };

export type ObserveUpstream = (event: UpstreamEvent) => void;
