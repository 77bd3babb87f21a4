/** What a door knows about a request when it hands it to the registry engine. */
import type { Registry } from "../protocol/registry-name.ts";

/** How the request came in; `hosted`: by whatever door, for the registry whose content is pushed here. */
export type Door = "proxy" | "mirror" | "hosted";

/** How names look to this client; applied by answer.ts alone. */
export type View = {
  /** What the client puts before the upstream's repository name (`ghcr.io/`), "" when nothing. */
  readonly repositoryPrefix: string;
  /** The client left Docker Hub's `library/` away. */
  readonly isLibraryImplied?: boolean;
  /** Echoed as OCI-Namespace when the client sent `?ns=`. */
  readonly namespace: string | undefined;
};

export type Ask = {
  /** Whose request it is; at the hosted registry the name that the client called it by. */
  readonly registry: Registry;
  readonly door: Door;
  /** Origin-form path and query as the upstream names things (prefix and ns already taken off). */
  readonly target: string;
  /** The client's socket address, for the log and for limits. */
  readonly client: string;
  readonly view: View;
  /** A mirror name that never challenges; its requests use the shared or an anonymous credential. */
  readonly isOpen: boolean;
  /** Nothing that the operator's credential opens: public images, and what a login of its own opens. */
  readonly isPublicOnly?: boolean;
  /**
   * It may come from a page of somebody else, and no login counts: why, and what to set, in a
   * sentence for what is therefore refused. Then `isPublicOnly` too.
   */
  readonly foreign?: string;
};
