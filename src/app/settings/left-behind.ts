/** Variables that mean something to the programs people come from and nothing here: told of, with what does it here. */
type Environment = Readonly<Record<string, string | undefined>>;

const tags =
  "TAG_TTL says how long a tag is believed without asking, and POLICY has rules for single tags";
const names = "MIRROR_HOSTS has the names that clients use and the registries they stand for";
const logins = "AUTH_REGISTRIES has the logins, one for each registry";

const open = "mirrors here are open to all of ALLOW_CLIENTS; keep a proxy in front that asks them";

type Successor = {
  readonly name: RegExp;
  /** The value that changes something; any other is what happens anyway. */
  readonly value?: RegExp;
  /** Others may mean something else by the name, unless one of these stands beside it. */
  readonly beside?: RegExp;
  readonly instead: string;
};

const traefik = /^(?:CACHE_DOMAIN\d*|TRAEFIK_ACME_\w+)$/;

/** The first that fits a variable counts. */
const successors: readonly Successor[] = [
  { name: /^ENABLE_MANIFEST_CACHE$/, value: /^true$/, instead: tags },
  { name: /^MANIFEST_CACHE_\w+$/, beside: /^ENABLE_MANIFEST_CACHE$/, instead: tags },
  { name: /^DEBUG_(?:HUB|NGINX)$/, value: /^true$/, instead: "LOG_LEVEL=debug does that" },
  { name: /^DISABLE_IPV6$/, value: /^true$/, instead: "UPSTREAM_FAMILY=4 does that" },
  {
    name: /^(?:PROXY_(?:READ|CONNECT|SEND)|CLIENT_(?:HEADER|BODY)|KEEPALIVE|SEND)_TIMEOUT$/,
    instead: "only silence ends a transfer, never its length",
  },
  { name: /^CA_CRT_FILE$/, instead: "CA_CERT names the CA's certificate" },
  { name: /^CA_KEY_FILE$/, instead: "CA_KEY names the CA's key" },
  { name: /^CACHE_SIZE$/, instead: "CACHE_MAX_SIZE says how much is kept" },
  { name: /^AUTH_REGISTRY$/, instead: logins },
  { name: /^(?:CACHE_DOMAIN|UPSTREAM_REGISTRY)\d*$/, instead: names },
  { name: /^(?:USERNAME|PASSWORD)\d+$/, instead: logins },
  { name: /^(?:USERNAME|PASSWORD)$/, beside: traefik, instead: logins },
  { name: /^MTU$/, beside: traefik, instead: "there is no network of its own" },
  { name: /^COMPOSE_FILE$/, beside: traefik, instead: "ACME_CHALLENGE says how names are proven" },
  { name: /^TRAEFIK_ACME_/, instead: "ACME_DOMAINS, ACME_EMAIL and ACME_CHALLENGE do that" },
  { name: /^REGISTRY_(?:PROXY|CACHE)_\w+_(?:USERNAME|PASSWORD)$/, instead: logins },
  { name: /^REGISTRY_(?:PROXY|CACHE)_\w+_TRAEFIK_HOST$/, instead: names },
  { name: /^REGISTRY_(?:PROXY|CACHE)_\w*IP_SOURCERANGE$/, instead: "ALLOW_CLIENTS does that" },
  {
    name: /^REGISTRY_(?:PROXY|CACHE)_\w*MTLS_AUTH$/,
    value: /^true$/,
    instead: "TLS_CLIENT_CA names the CA of the clients' certificates",
  },
  {
    name: /^REGISTRY_(?:PROXY|CACHE)_\w*(?:OAUTH2|HTTP_AUTH)$/,
    value: /^(?!false$)/,
    instead: open,
  },
  { name: /^REGISTRY_PROXY_REMOTEURL$/, instead: "MIRROR_DEFAULT names the registry" },
  { name: /^REGISTRY_STORAGE/, instead: "STORE says where images are kept" },
  { name: /^REGISTRY_(?:PROXY|CACHE)_/, instead: names },
  { name: /^REGISTRY_/, instead: "entrepot --help shows what there is" },
];

/** A sentence for each that is set and is none of our own names. */
export function leftBehind(environment: Environment, own: readonly string[]): readonly string[] {
  const known = new Set(own);
  const set = Object.entries(environment).flatMap(([name, value]) => (isOff(value) ? [] : [name]));
  return Object.entries(environment).flatMap(([variable, value = ""]) => {
    if (value === "" || known.has(variable)) return [];
    const successor = successors.find(({ name }) => name.test(variable));
    if (successor === undefined || successor.value?.test(value) === false) return [];
    if (successor.beside !== undefined && !set.some((one) => successor.beside?.test(one)))
      return [];
    return [`${variable} has no effect here; ${successor.instead}`];
  });
}

function isOff(value = ""): boolean {
  return value === "" || value === "false";
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
