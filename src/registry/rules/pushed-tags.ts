/** The tags that a push of a manifest names beside its own path. */
import { parseTag, type Reference } from "../../protocol/reference.ts";

/** `PUT …/manifests/<digest>?tag=a&tag=b` names tags too (end-7b). */
export function pushedTags(target: string): Reference[] {
  const query = target.slice(`${target}?`.indexOf("?") + 1);
  return new URLSearchParams(query).getAll("tag").flatMap((text) => {
    const tag = parseTag(text);
    return tag === undefined ? [] : [{ kind: "tag", tag }];
  });
}
