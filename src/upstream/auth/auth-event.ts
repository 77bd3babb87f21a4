/** What happens with credentials and tokens, told to whoever observes; never with a secret in it. */

export type AuthEvent =
  /** Told once, until the credential works again or another takes its place. */
  | { readonly kind: "credentialRefused"; readonly host: string; readonly credential: string }
  | { readonly kind: "credentialAccepted"; readonly host: string; readonly credential: string }
  /** Told once for each registry: its tokens come from a host that its login does not go to. */
  | {
      readonly kind: "loginUnused";
      readonly registry: string;
      readonly tokenHost: string;
      /** The setting that would send it there. */
      readonly write: string;
    }
  | { readonly kind: "credentialHelperFailed"; readonly helper: string; readonly reason: string }
  | { readonly kind: "tokenFetched"; readonly host: string; readonly isShared: boolean }
  | { readonly kind: "tokenServiceFailed"; readonly host: string; readonly reason: string };

export type ObserveAuth = (event: AuthEvent) => void;
