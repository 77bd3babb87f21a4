/**
 * Decides what Authorization a request to a registry carries: the client's own, a token fetched for
 * it, or the operator's credential where the registry speaks Basic.
 */
import type { Registry } from "../../protocol/registry-name.ts";
import type { Access } from "../registry-client.ts";

export type AuthorizationAsk = {
  readonly registry: Registry;
  readonly access: Access;
  /** What the request needs: `scopesOf(target)`. Empty for everything that is not in a repository. */
  readonly scopes: readonly string[];
  /** `brief`: a kept answer could be served instead of waiting for the token service. */
  readonly patience?: "full" | "brief";
  readonly signal: AbortSignal;
};

export class Authorizer {
  /**
   * The Authorization to send first, or undefined for none. Throws UpstreamError when the token
   * service cannot be asked; a refusal there only means that nothing is sent.
   */
  async authorize(_ask: AuthorizationAsk): Promise<string | undefined> {
    return undefined;
  }

  /**
   * After a 401: learns its challenge and gives the one other Authorization worth trying, or undefined.
   * Call it at most once a request, and never for the answer of a redirect's target.
   */
  async retry(
    _ask: AuthorizationAsk,
    _sent: string | undefined,
    _challenges: readonly string[],
  ): Promise<string | undefined> {
    return undefined;
  }

  /** Whether the operator configured a credential for this registry, or its token host. */
  hasCredential(_registry: Registry): boolean {
    return false;
  }
}
