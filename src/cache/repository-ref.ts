/** A repository of a registry: what permissions, holdings and tags are known of. */
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry, RegistryName } from "../protocol/registry-name.ts";

export type RepositoryRef = { readonly registry: Registry; readonly repository: RepositoryName };

/** `docker.io/library/alpine`; no registry name has a slash, so this is unambiguous. */
export function repositoryKey(place: RepositoryRef): string {
  return `${place.registry.name}/${place.repository}`;
}

/** The registry of a place's key. */
export function registryOfKey(key: string): RegistryName {
  return key.slice(0, key.indexOf("/")) as RegistryName;
}

/** The two names an event carries. */
export function repositoryNames(place: RepositoryRef): {
  readonly registry: RegistryName;
  readonly repository: RepositoryName;
} {
  return { registry: place.registry.name, repository: place.repository };
}
