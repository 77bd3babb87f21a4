/** Token scopes (distribution, docs/content/spec/auth/scope.md): read, and cut down to pulling. */

/** `type(class):name:actions`; the name may hold one colon, so actions are taken from the right. */
const scopeGrammar = /^([a-z0-9]+(?:\([a-z0-9]+\))?):([^\s"\\]+):([a-z*,]*)$/;
/** Public ECR's `aws`: no name, no actions. */
const wordGrammar = /^[a-z0-9_-]{1,64}$/;
const maxScopes = 64;
const maxScopeLength = 512;

/** Splits what a challenge or a request names in one or more `scope` values. */
export function splitScopes(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(" ")).filter((scope) => scope !== "");
}

/**
 * What may be asked for: of each scope the right to pull and no other, sorted and without repeats.
 * A scope that is a mere word is kept only when the registry itself demands it.
 */
export function pullScopes(
  wanted: readonly string[],
  demanded: readonly string[] = [],
): readonly string[] {
  const kept = new Set(demanded.filter((scope) => wordGrammar.test(scope)));
  for (const scope of wanted) {
    const reduced = pullOnly(scope);
    if (reduced !== undefined) kept.add(reduced);
  }
  return [...kept].sort().slice(0, maxScopes);
}

/** What a client's own login is asked a token for: all that was challenged, and what is always demanded. */
export function clientScopes(
  wanted: readonly string[],
  demanded: readonly string[],
): readonly string[] {
  const kept = [...wanted, ...demanded].filter((scope) => {
    return scope.length <= maxScopeLength && (scopeGrammar.test(scope) || wordGrammar.test(scope));
  });
  return [...new Set(kept)].sort().slice(0, maxScopes);
}

/** The words among the scopes: what is demanded whatever the repository. */
export function wordScopes(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => wordGrammar.test(scope)).slice(0, maxScopes);
}

/** The repository of the first scope that names one. */
export function repositoryOf(scopes: readonly string[]): string | undefined {
  for (const scope of scopes) {
    const match = scopeGrammar.exec(scope);
    if (match?.[1]?.startsWith("repository") === true) return match[2];
  }
  return undefined;
}

function pullOnly(scope: string): string | undefined {
  if (scope.length > maxScopeLength) return undefined;
  const match = scopeGrammar.exec(scope);
  const actions = match?.[3]?.split(",") ?? [];
  if (!actions.includes("pull") && !(isRepository(match) && actions.includes("*")))
    return undefined;
  return `${match?.[1]}:${match?.[2]}:pull`;
}

function isRepository(match: RegExpExecArray | null): boolean {
  return match?.[1]?.startsWith("repository") === true;
}
