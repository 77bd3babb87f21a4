/** Manifests pushed to the hosted registry, and whatever is deleted there (OCI distribution-spec end-7, end-9, end-10). */
import type { Changed } from "../../hosted/hosted-event.ts";
import { readPushed, tooLargeManifest } from "../../hosted/pushed-manifest.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { maxManifestBytes } from "../../protocol/manifest.ts";
import { parseTag, printReference, type Reference, type Tag } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange, Own } from "../exchange.ts";
import { readBody } from "../request-body.ts";
import { askerOf, letWrite } from "./asker.ts";
import type { HostedParts } from "./hosted-parts.ts";
import { empty } from "./own.ts";
import { queryOf } from "./query.ts";

export async function putHostedManifest(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { route, headers, ask } = exchange;
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  const { repository, reference } = route;
  const asker = await askerOf(exchange, parts);
  letWrite(exchange, asker, { repository, action: "push" }, parts);
  const tags = tagsIn(queryOf(ask), reference);
  const bytes = await readManifestBody(exchange, parts.bodyIdle);
  const manifest = readPushed(bytes, headerValue(headers, "content-type"), reference);
  const { digest, subject } = manifest;
  await parts.manifests.put(repository, manifest, tags);
  const registry = ask.registry.name;
  const about = { registry, repository, digest, user: asker.user, client: ask.client };
  for (const name of tags.length > 0 ? tags : [digest]) {
    const what = name === digest ? "manifest" : "tag";
    parts.observe({ kind: "pushed", what, reference: name, ...about });
  }
  return empty(201, {
    location: `/v2/${repository}/manifests/${printReference(reference)}`,
    "docker-content-digest": digest,
    "oci-subject": subject,
    "oci-tag": reference.kind === "digest" && tags.length > 0 ? tags : undefined,
  });
}

/** A tag, a manifest with its tags, or a blob that no manifest needs. */
export async function deleteHosted(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { route, ask } = exchange;
  if (route.kind !== "manifest" && route.kind !== "blob") {
    throw new TypeError(`nothing to delete: ${route.kind}`);
  }
  const { repository } = route;
  const asker = await askerOf(exchange, parts);
  letWrite(exchange, asker, { repository, action: "delete" }, parts);
  const registry = ask.registry.name;
  const about = { registry, repository, user: asker.user, client: ask.client };
  const tell = (event: Pick<Changed, "what" | "reference" | "digest">): void =>
    parts.observe({ kind: "deleted", ...event, ...about });
  if (route.kind === "blob") {
    await parts.blobs.delete(repository, route.digest);
    tell({ what: "blob", reference: route.digest, digest: route.digest });
  } else {
    const { reference } = route;
    const digest = await parts.manifests.delete(repository, reference);
    const what = reference.kind === "tag" ? "tag" : "manifest";
    tell({ what, reference: printReference(reference), digest });
  }
  return empty(202, {});
}

const mostTags = 100;

/** The tag of the path, or those of the query behind a digest (end-7b). */
function tagsIn(query: URLSearchParams, reference: Reference): readonly Tag[] {
  if (reference.kind === "tag") return [reference.tag];
  const texts = new Set(query.getAll("tag").flatMap((text) => text.split(",")));
  if (texts.size > mostTags) {
    const sentence = `a push names at most ${mostTags} tags`;
    throw new RegistryError("TAG_INVALID", sentence, { status: 414 });
  }
  return [...texts].map((text) => {
    const tag = parseTag(text);
    if (tag === undefined) throw new RegistryError("TAG_INVALID", "the parameter tag is no tag");
    return tag;
  });
}

async function readManifestBody(exchange: Exchange, bodyIdle = 60_000): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(exchange, bodyIdle)) {
    size += chunk.length;
    if (size > maxManifestBytes) throw tooLargeManifest();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
