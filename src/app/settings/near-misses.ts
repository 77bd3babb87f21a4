/** Variables that are nearly a setting, and so without any effect: told of, and otherwise left alone. */
import { distance, nearest } from "./nearest.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A sentence for each variable that is probably one of `names` misspelt; none for what others may mean. */
export function nearMisses(environment: Environment, names: readonly string[]): readonly string[] {
  const known = new Set(names);
  return Object.entries(environment).flatMap(([variable, value = ""]) => {
    if (value === "" || known.has(variable)) return [];
    const written = variable.toUpperCase();
    const meant = nearest(
      written,
      names.filter((name) => isNearly(written, name)),
    );
    return meant === undefined ? [] : [`${variable} is not a setting; did you mean ${meant}?`];
  });
}

/** Word for word, so that neither PATH nor GOPROXY nor SSL_CERT is taken for one of ours. */
function isNearly(variable: string, name: string): boolean {
  if (name.length < 6) return false;
  const written = variable.split(/[_-]/);
  const meant = name.split("_");
  if (written.length !== meant.length) return written.join("") === meant.join("");
  const changes = meant.map((word, index) => distance(written[index] ?? "", word));
  const isEachNear = meant.every((word, index) => (changes[index] ?? 0) <= tolerated(word));
  return isEachNear && changes.reduce((sum, one) => sum + one, 0) <= 2;
}

function tolerated({ length }: string): number {
  if (length < 3) return 0;
  return length < 9 ? 1 : 2;
}
