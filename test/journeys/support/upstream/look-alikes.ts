/** The registries a journey plays: their names, where they listen, what is private, who may log in. */

export type LookAlike = {
  readonly registry: string;
  /** Host and path of the token service. */
  readonly realm: string;
  readonly service: string;
  /** Where blobs are redirected to. */
  readonly cdn: string;
  readonly privateRepositories: readonly string[];
};

export const hub: LookAlike = {
  registry: "registry-1.docker.io",
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
};

export const lookAlikes: readonly LookAlike[] = [hub, ghcr, quay];

/** The account that may pull everything. */
export const account = { user: "robot", password: "CANARY-robot:pa$$word" };

/** Every host has a loopback address of its own, where it can have port 443 to itself. */
export const addresses: ReadonlyMap<string, string> = new Map(
  [
    ...new Set(
      lookAlikes.flatMap(({ registry, realm, cdn }) => [registry, realm.replace(/\/.*/, ""), cdn]),
    ),
  ].map((host, index) => [host, `127.0.83.${index + 1}`]),
);
