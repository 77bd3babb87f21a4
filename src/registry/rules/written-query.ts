/** What a write names in its query, beside its own path. */

import { splitTarget } from "../../protocol/http/target.ts";
import {
  parseRepositoryName,
  parseTag,
  type Reference,
  type RepositoryName,
} from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";

/** `PUT …/manifests/<digest>?tag=a&tag=b` names tags too (end-7b). */
export function pushedTags(target: string): Reference[] {
  return queryOf(target)
    .getAll("tag")
    .flatMap((text) => {
      const tag = parseTag(text);
      return tag === undefined ? [] : [{ kind: "tag", tag }];
    });
}

/** `POST …/blobs/uploads/?mount=<digest>&from=<name>` reads another repository (end-11). Throws RegistryError. */
export function mountSources(target: string): RepositoryName[] {
  const { query } = splitTarget(target);
  // Some servers end a parameter at `;` too.
  return [query, query.replaceAll(";", "&")]
    .flatMap((text) => new URLSearchParams(text).getAll("from"))
    .map((text) => {
      const source = parseRepositoryName(text);
      if (source !== undefined) return source;
      throw new RegistryError(
        "NAME_INVALID",
        "what a blob is to be mounted from is no repository name",
      );
    });
}

function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(splitTarget(target).query);
}
