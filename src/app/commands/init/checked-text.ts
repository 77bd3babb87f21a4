/** Checks an answer as a setting would be read. */
import type { Kind } from "../../settings/kind.ts";

/** What to write instead, undefined where the text is good or left out. */
export function sentenceOf(kind: Kind<unknown>): (text: string) => string | undefined {
  return (text) => {
    if (text === "") return undefined;
    try {
      kind.parse(text);
      return undefined;
    } catch {
      return `Write ${kind.hint}`;
    }
  };
}
