/** The registries a journey plays: their names, where they listen, what is private, who may log in. */

export type LookAlike = {
  readonly registry: string;
  /** Another name the same registry has. */
  readonly alias?: string;
  /** Host and path of the token service. */
  readonly realm: string;
  readonly service: string;
  /** Where blobs are redirected to. */
  readonly cdn: string;
  readonly privateRepositories: readonly string[];
  /** Who logs in gets a token to keep in the password's place. */
  readonly hasIdentityTokens?: true;
};

export const hub: LookAlike = {
  registry: "registry-1.docker.io",
  alias: "index.docker.io",
  realm: "auth.docker.io/token",
  service: "registry.docker.io",
  cdn: "production.cloudflare.docker.com",
  privateRepositories: ["acme/private"],
};

export const ghcr: LookAlike = {
  registry: "ghcr.io",
  realm: "ghcr.io/token",
  service: "ghcr.io",
  cdn: "pkg-containers.githubusercontent.com",
  privateRepositories: [],
};

export const quay: LookAlike = {
  registry: "quay.io",
  realm: "quay.io/v2/auth",
  service: "quay.io",
  // Not a sub-domain of quay.io: Go would send Authorization along, which S3 refuses.
  cdn: "quayio-production-s3.s3.amazonaws.com",
  privateRepositories: [],
  hasIdentityTokens: true,
};

export const lookAlikes: readonly LookAlike[] = [hub, ghcr, quay];

/** The account that may pull everything. */
export const account = { user: "robot", password: "CANARY-robot:pa$$word" };

/** Somebody with an account of his own. */
export const member = { user: "member", password: "CANARY-member:pa$$word" };

/** Every host name of a registry, each once. */
export function hostsOf({ registry, alias, realm, cdn }: LookAlike): string[] {
  const names = [registry, alias ?? registry, realm.replace(/\/.*/, ""), cdn];
  return [...new Set(names)];
}

/** A name without a registry of its own, for journeys that put one there. */
export const spare = { host: "registry.test", address: "127.0.83.100" };

/** The machines of the guides, under the names the guides give them. */
export const guideHosts = {
  "mirror.example.com": "127.0.83.101",
  "registry.corp.example": "127.0.83.102",
  "registry-cache.corp.example": "127.0.83.103",
  "registry.lan": "127.0.83.105",
  "hub.example.com": "127.0.83.104",
  "ghcr.example.com": "127.0.83.104",
  "quay.example.com": "127.0.83.104",
} as const;

/** One machine under five names, for journeys in which each stands for a registry. */
export const fiveNames = {
  address: guideHosts["hub.example.com"],
  names: ["hub", "ghcr", "quay", "corp", "lab"].map((name) => `${name}.example.com`),
} as const;

/** Every host has a loopback address of its own, where it can have port 443 to itself. */
export const addresses: ReadonlyMap<string, string> = new Map([
  ...lookAlikes.flatMap(hostsOf).map((host, index) => [host, `127.0.83.${index + 1}`] as const),
  [spare.host, spare.address],
  ...Object.entries(guideHosts),
  ...fiveNames.names.map((name) => [name, fiveNames.address] as const),
]);
