/** Variables that mean something to the programs people come from and nothing here: told of, with what does it here. */
type Environment = Readonly<Record<string, string | undefined>>;

const tags =
  "TAG_TTL says how long a tag is believed without asking, and POLICY has rules for single tags";
const names = "MIRROR_HOSTS has the names that clients use and the registries they stand for";
const logins = "AUTH_REGISTRIES has the logins, one for each registry";

type Successor = {
  readonly name: RegExp;
  /** The value that changes something; any other is what happens anyway. */
  readonly value?: RegExp;
  readonly instead: string;
};

/** The first that fits a variable counts. */
const successors: readonly Successor[] = [
  { name: /^ENABLE_MANIFEST_CACHE$/, value: /^true$/, instead: tags },
  { name: /^DISABLE_IPV6$/, value: /^true$/, instead: "UPSTREAM_FAMILY=4 does that" },
  { name: /^CA_CRT_FILE$/, instead: "CA_CERT names the CA's certificate" },
  { name: /^CA_KEY_FILE$/, instead: "CA_KEY names the CA's key" },
  { name: /^CACHE_SIZE$/, instead: "CACHE_MAX_SIZE says how much is kept" },
  { name: /^AUTH_REGISTRY$/, instead: logins },
  { name: /^(?:CACHE_DOMAIN|UPSTREAM_REGISTRY)\d+$/, instead: names },
  { name: /^(?:USERNAME|PASSWORD)\d+$/, instead: logins },
  { name: /^TRAEFIK_ACME_/, instead: "ACME_DOMAINS, ACME_EMAIL and ACME_CHALLENGE do that" },
  { name: /^REGISTRY_PROXY_\w+_(?:USERNAME|PASSWORD)$/, instead: logins },
  { name: /^REGISTRY_PROXY_\w+_TRAEFIK_HOST$/, instead: names },
  { name: /^REGISTRY_PROXY_REMOTEURL$/, instead: "MIRROR_DEFAULT names the registry" },
  { name: /^REGISTRY_PROXY_/, instead: names },
  { name: /^REGISTRY_/, instead: "entrepot --help shows what there is" },
];

/** A sentence for each that is set and is none of our own names. */
export function leftBehind(environment: Environment, own: readonly string[]): readonly string[] {
  const known = new Set(own);
  return Object.entries(environment).flatMap(([variable, value = ""]) => {
    if (value === "" || known.has(variable)) return [];
    const successor = successors.find(({ name }) => name.test(variable));
    if (successor === undefined || successor.value?.test(value) === false) return [];
    return [`${variable} has no effect here; ${successor.instead}`];
  });
}

/** A sentence for each of our variables that is in quotes: an env file's reader took them for a part of it. */
export function quoted(environment: Environment, own: readonly string[]): readonly string[] {
  return own
    .filter((name) => /^(["']).*\1$/s.test(environment[name] ?? ""))
    .map(
      (name) =>
        `${name} stands in quotes, which count as part of it; leave them out of the env file`,
    );
}
