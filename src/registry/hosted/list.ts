/** Tags, the catalog and referrers of the hosted registry (OCI distribution-spec end-8, end-12). */
import type { Page } from "../../hosted/listings.ts";
import { ociIndex } from "../../protocol/media-type.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange, Own } from "../exchange.ts";
import { askerOf, challenge, may } from "./asker.ts";
import type { HostedParts } from "./hosted-parts.ts";
import { json } from "./own.ts";
import { pageIn, queryOf } from "./query.ts";

export async function listHosted(exchange: Exchange, parts: HostedParts): Promise<Own> {
  switch (exchange.route.kind) {
    case "tags":
      return listTags(exchange, parts);
    case "catalog":
      return listRepositories(exchange, parts);
    case "referrers":
      return listReferrers(exchange, parts);
    default:
      throw new RegistryError("UNSUPPORTED", "this registry has no such path", { status: 404 });
  }
}

async function listTags(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { route, ask } = exchange;
  if (route.kind !== "tags") throw new TypeError(`not tags: ${route.kind}`);
  const { repository: name } = route;
  const asker = await askerOf(exchange, parts);
  if (!may(exchange, asker, { repository: name, action: "pull" }, parts)) {
    throw new RegistryError("NAME_UNKNOWN", "there is no such repository");
  }
  const page = parts.listings.tags(name, pageIn(queryOf(ask)));
  return json({ name, tags: page.items }, { link: nextPage(`/v2/${name}/tags/list`, page) });
}

/** What the asker may read; one who may log in and has not is asked to. */
async function listRepositories(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { rights, logins, listings } = parts;
  const { user } = await askerOf(exchange, parts);
  const page = listings.repositories(
    (name) => rights.may(user, name, "pull"),
    pageIn(queryOf(exchange.ask)),
  );
  if (user === undefined && logins.areKept && page.items.length === 0) {
    throw challenge(exchange.ask, parts, { scope: "registry:catalog:*" });
  }
  return json({ repositories: page.items }, { link: nextPage("/v2/_catalog", page) });
}

async function listReferrers(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { route, ask } = exchange;
  if (route.kind !== "referrers") throw new TypeError(`not referrers: ${route.kind}`);
  const { repository, digest } = route;
  const query = queryOf(ask);
  const artifactType = query.get("artifactType") ?? undefined;
  const asker = await askerOf(exchange, parts);
  const isTheirs = may(exchange, asker, { repository, action: "pull" }, parts);
  const last = query.get("last") ?? "";
  const page = isTheirs
    ? await parts.listings.referrers(repository, digest, { artifactType, last })
    : { items: [], next: undefined };
  const filter = artifactType === undefined ? {} : { artifactType };
  return json(
    { schemaVersion: 2, mediaType: ociIndex, manifests: page.items },
    {
      "content-type": ociIndex,
      "oci-filters-applied": artifactType === undefined ? undefined : "artifactType",
      link: nextPage(`/v2/${repository}/referrers/${digest}`, page, filter),
    },
  );
}

function nextPage(
  path: string,
  { next }: Pick<Page<unknown>, "next">,
  filter: Readonly<Record<string, string>> = {},
): string | undefined {
  if (next === undefined) return undefined;
  const query = new URLSearchParams({ ...filter, n: String(next.n), last: next.last });
  return `<${path}?${query}>; rel="next"`;
}
