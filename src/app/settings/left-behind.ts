/** Variables of docker-registry-proxy that mean something there and nothing here: told of, with what does it here. */
type Environment = Readonly<Record<string, string | undefined>>;

const tags =
  "TAG_TTL says how long a tag is believed without asking, and POLICY has rules for single tags";

/** What each would have changed, by the value that changes it; any other value is what happens anyway. */
const successors: readonly (readonly [name: string, value: RegExp, sentence: string])[] = [
  ["ENABLE_MANIFEST_CACHE", /^true$/, tags],
  ["DISABLE_IPV6", /^true$/, "UPSTREAM_FAMILY=4 does that"],
  ["CA_CRT_FILE", /./, "CA_CERT names the CA's certificate"],
  ["CA_KEY_FILE", /./, "CA_KEY names the CA's key"],
];

/** A sentence for each that is set. */
export function leftBehind(environment: Environment): readonly string[] {
  return successors
    .filter(([name, value]) => value.test(environment[name] ?? ""))
    .map(([name, , sentence]) => `${name} has no effect here; ${sentence}`);
}
