/** The registries everybody uses, as data: their hosts, their token hosts, and which of those are web sites. */
/** Hosts that are registries; `hostMatcher` reads the spelling. */
export const builtInRegistries: readonly string[] = [
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "ghcr.io",
  "quay.io",
  "gcr.io",
  "*.gcr.io",
  "*-docker.pkg.dev",
  "registry.k8s.io",
  "k8s.gcr.io",
  "mcr.microsoft.com",
  "*.azurecr.io",
  "public.ecr.aws",
  "*.dkr.ecr.*.amazonaws.com",
  "*.dkr.ecr.*.amazonaws.com.cn",
  "registry.gitlab.com",
  "lscr.io",
  "nvcr.io",
  "registry.redhat.io",
  "registry.access.redhat.com",
  "docker.elastic.co",
  "registry.suse.com",
  "container-registry.oracle.com",
  "cgr.dev",
  "icr.io",
  "*.icr.io",
];

export type RealmPair = {
  /** Canonical name of the registry. */
  readonly registry: string;
  /** Canonical name of the host its tokens come from. */
  readonly tokenHost: string;
};

/** Registries whose tokens come from another host. Only a pair listed here, or by the operator, is believed. */
export const builtInRealmPairs: readonly RealmPair[] = [
  { registry: "docker.io", tokenHost: "auth.docker.io" },
  { registry: "registry.gitlab.com", tokenHost: "gitlab.com" },
  { registry: "nvcr.io", tokenHost: "authn.nvidia.com" },
  { registry: "docker.elastic.co", tokenHost: "docker-auth.elastic.co" },
];

/** Token hosts that people open in a browser too: intercepted for container engines only. */
export const tokenHostsThatAreSites: readonly string[] = ["gitlab.com"];
