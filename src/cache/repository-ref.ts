/** A repository of a registry: what permissions, repositoryBlobs and tags are known of. */
import type { RepositoryNames } from "../download/download-event.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry, RegistryName } from "../protocol/registry-name.ts";

export type RepositoryRef = { readonly registry: Registry; readonly repository: RepositoryName };

/** `docker.io/library/alpine`, `http://registry.lan:5000/app`; no host has a slash, so this is unambiguous. */
export function repositoryKey(ref: RepositoryRef): string {
  return `${ref.registry.name}/${ref.repository}`;
}

/** The registry of a repository's key. */
export function registryOfKey(key: string): RegistryName {
  const host = key.startsWith("http://") ? "http://".length : 0;
  return key.slice(0, key.indexOf("/", host)) as RegistryName;
}

/** The two names an event carries. */
export function repositoryNames(ref: RepositoryRef): RepositoryNames {
  return { registry: ref.registry.name, repository: ref.repository };
}
