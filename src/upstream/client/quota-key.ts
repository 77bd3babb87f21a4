/** Who is told 429 there. Where a registry sends us on to, its word is about that registry alone. */
import { createHash } from "node:crypto";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { registryAddress } from "../../protocol/registry-name.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { repositoryOf, scopesOf } from "../auth/scopes.ts";
import type { Place } from "../location.ts";
import type { QuotaKey } from "../rate-limits.ts";
import type { RegistryRequest } from "../registry-client.ts";

export function quotaKey(
  authorizer: Pick<Authorizer, "payer">,
  { access, registry, target }: RegistryRequest,
  to: { readonly place: Place; readonly authorization: string | undefined },
): QuotaKey {
  const { from } = access;
  const host = formatHostPort(to.place.address, 443);
  const home = formatHostPort(registryAddress(registry.name), 443);
  if (host !== home) return { host, access: "none", key: `from ${registry.name}`, from };
  if (to.authorization === undefined) return { host, access: "none", key: "none", from };
  if (access.kind === "client") {
    const key = createHash("sha256").update(to.authorization).digest("base64url");
    return { host, access: "client", key, from };
  }
  const isShared = access.kind === "shared";
  const repository = repositoryOf(scopesOf(target));
  const payer = isShared ? authorizer.payer(registry, repository) : undefined;
  const key = payer === undefined ? "anonymous" : `by ${payer}`;
  return { host, access: access.kind, key, from };
}
