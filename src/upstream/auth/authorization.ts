/** A request to a registry as who authorises it sees it, and how it was refused. */
import type { Registry, RegistryName } from "../../protocol/registry-name.ts";
import type { Access } from "../registry-client.ts";

export type AuthorizationAsk = {
  readonly registry: Registry;
  /** Where it began, which decides what may be dialled; the registry itself where it is undefined. */
  readonly began?: RegistryName | undefined;
  /** Who led to the registry, where the operator named him not: decides in the place of `began`. */
  readonly ledBy?: RegistryName | undefined;
  readonly access: Access;
  /** What the request needs: `scopesOf(target)`. Empty for everything that is not in a repository. */
  readonly scopes: readonly string[];
  /** `brief`: a kept answer could be served instead of waiting for the token service. */
  readonly patience?: "full" | "brief";
  /** Its body is gone with the first try. */
  readonly isOnce?: boolean;
  readonly signal: AbortSignal;
};

/** How a registry said no. */
export type Challenged = { readonly status: number; readonly challenges: readonly string[] };
