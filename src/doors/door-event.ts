/** What the doors tell those who log and count. Hosts are validated; nothing here is a secret. */

/** What turned it away: a rule of the operator's, the client's address, its login, or a limit. */
export type RefusedBy = "policy" | "block" | "client" | "login" | "limit";

export type DoorEvent =
  /** A CONNECT or a request was turned away before the registry engine saw it. */
  | {
      readonly kind: "refused";
      readonly client: string;
      readonly asked: string;
      readonly status: number;
      readonly reason: string;
      readonly why?: RefusedBy | undefined;
    }
  /** The client ended the TLS handshake: most often it does not trust the CA. */
  | {
      readonly kind: "handshakeFailed";
      readonly client: string;
      readonly host: string;
      readonly reason: string;
    }
  | { readonly kind: "tunnelOpened"; readonly client: string; readonly host: string }
  | {
      readonly kind: "tunnelClosed";
      readonly client: string;
      readonly host: string;
      readonly sent: number;
      readonly received: number;
    }
  /** Plain HTTP that is no registry's went through. */
  | {
      readonly kind: "forwarded";
      readonly client: string;
      readonly host: string;
      readonly method: string;
      readonly status: number;
    }
  /** A certificate for the TLS listener was taken up; `from` is its file, or the service it was ordered of. */
  | {
      readonly kind: "certificateTaken";
      readonly from: string;
      readonly names: string;
      /** When it ends, in milliseconds since 1970. */
      readonly until: number;
    }
  /** There is no new certificate; what served so far serves on. */
  | {
      readonly kind: "certificateFailed";
      /** What it was to be for, where that is known. */
      readonly names?: string;
      readonly from: string;
      readonly cause: unknown;
      /** When it is tried again, in milliseconds since 1970. */
      readonly retryAt?: number;
    }
  /** A registry request was sent to a name that an outsider could own; told once for each. */
  | { readonly kind: "foreignName"; readonly client: string; readonly host: string }
  /** More requests than may wait stood on one connection, which was cut. */
  | { readonly kind: "flooded"; readonly client: string }
  /**
   * Since this was last told, connections found no place, or one only because others ended on which nobody
   * was being answered: there may be so many of one address, or of all together.
   */
  | {
      readonly kind: "turnedAway" | "idleEnded";
      /** The last of them. */
      readonly client: string;
      readonly limit: "client" | "total";
      readonly most: number;
      readonly connections: number;
    }
  /** A handler broke its promise never to reject; the client got a 500 or a cut connection. */
  | { readonly kind: "handlerFailed"; readonly client: string; readonly cause: unknown };

export type ObserveDoor = (event: DoorEvent) => void;
