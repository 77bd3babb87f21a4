/** A repository of a registry: what permissions, blobs and tags are known of, and how often it was written to. */
import type { RepositoryNames } from "../download/download-event.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry, RegistryName } from "../protocol/registry-name.ts";
import type { Access } from "../upstream/registry-client.ts";

export type RepositoryRef = {
  readonly registry: Registry;
  readonly repository: RepositoryName;
  /** From where it is asked for: what is remembered of it counts to that client. */
  readonly access?: Pick<Access, "from">;
};

/** `docker.io/library/alpine`, `http://registry.lan:5000/app`; no host has a slash, so this is unambiguous. */
export function repositoryKey(ref: RepositoryRef): string {
  return `${ref.registry.name}/${ref.repository}`;
}

/** The registry of a repository's key. */
export function registryOfKey(key: string): RegistryName {
  const host = key.startsWith("http://") ? "http://".length : 0;
  return key.slice(0, key.indexOf("/", host)) as RegistryName;
}

/** The repository of its key. */
export function repositoryOfKey(key: string): RepositoryName {
  return key.slice(registryOfKey(key).length + 1) as RepositoryName;
}

/** The two names an event carries. */
export function repositoryNames(ref: RepositoryRef): RepositoryNames {
  return { registry: ref.registry.name, repository: ref.repository };
}

/** The client on whose account it is remembered; undefined for what nobody in particular asks. */
export function accountOf({ access }: Pick<RepositoryRef, "access">): string | undefined {
  return access?.from;
}

/** Beyond so many repositories all reads under way count as older than a write. */
const mostCounted = 10_000;

/** Counts the writes to each repository, so that what was read before one is not learned after it. */
export class Generations {
  readonly #latest = new Map<string, number>();
  #count = 0;
  #floor = 0;

  /** The same as long as nothing is written there. */
  of(ref: RepositoryRef): number {
    return this.#latest.get(repositoryKey(ref)) ?? this.#floor;
  }

  /** A write to it is about to be sent, or was answered. */
  raise(ref: RepositoryRef): void {
    this.#count += 1;
    if (this.#latest.size >= mostCounted) {
      this.#latest.clear();
      this.#floor = this.#count;
    }
    this.#latest.set(repositoryKey(ref), this.#count);
  }
}
