/** Registry caches with prompts: REGISTRY_PROXY_<X>_… (later REGISTRY_CACHE_<X>_…) for a fixed list of registries. */
import { randomBytes } from "node:crypto";
import { privateNetworks } from "../../settings/access.ts";
import type { Draft } from "./draft.ts";
import { words } from "./from-docker-registry-proxy.ts";
import type { OldSetup } from "./old-setup.ts";
import type { Variables } from "./variables.ts";

const registries: Readonly<Record<string, string>> = {
  DOCKERHUB: "docker.io",
  GHCR: "ghcr.io",
  QUAY: "quay.io",
  GCR: "gcr.io",
  K8S: "registry.k8s.io",
  GITLAB: "registry.gitlab.com",
  ECR: "public.ecr.aws",
  LSCR: "lscr.io",
  CODEBERG: "codeberg.org",
};
const prefixes = ["REGISTRY_PROXY_", "REGISTRY_CACHE_"];

export function isRegistryCaches({ variables }: OldSetup): boolean {
  const starts = Object.keys(registries).flatMap((word) => prefixes.map((one) => `${one}${word}_`));
  return [...variables.keys()].some((name) => starts.some((start) => name.startsWith(start)));
}

export function fromRegistryCaches(_setup: OldSetup, its: Variables, draft: Draft): void {
  const profiles = words(its.take("DOCKER_COMPOSE_PROFILES") ?? its.take("COMPOSE_PROFILES"));
  for (const word of Object.keys(registries)) takeRegistry(word, profiles, its, draft);
  const ranges = its.takeAll(/^REGISTRY_(?:PROXY|CACHE)_\w*IP_SOURCERANGE$/);
  if (ranges.length > 0) draft.add("allow_clients", ...ranges.flatMap(({ value }) => words(value)));
  takeGuards(its, draft);
  draft.set("allow_push", false, "it was read-only");
  draft.set("tls_port", 443);
  const names = Object.keys((draft.settings.get("mirror_hosts") ?? {}) as object);
  draft.set("acme_domains", names);
  its.pass("TRAEFIK_ACME_EMAIL", (email) => draft.set("acme_email", email));
  takeService(its, draft);
}

/** Whose certificates they were stood in Traefik's own files. */
function takeService(its: Variables, draft: Draft): void {
  its.pass("ACME_CA", (path) => draft.set("acme_ca", path));
  const directory = its.take("ACME_DIRECTORY");
  if (directory !== undefined) draft.set("acme_directory", directory);
  else
    draft.note(
      "certificates come from Let's Encrypt; write acme_directory and acme_ca for step-ca",
    );
}

function takeRegistry(
  word: string,
  profiles: readonly string[],
  its: Variables,
  draft: Draft,
): void {
  const of = (what: string) =>
    prefixes.map((one) => its.take(`${one}${word}_${what}`)).find((value) => value !== undefined);
  const [name, user, password] = [of("TRAEFIK_HOST"), of("USERNAME"), of("PASSWORD")];
  if (name === undefined) return;
  if (profiles.length > 0 && !profiles.some((one) => one.toUpperCase().includes(word))) {
    draft.note(`${name}: its profile is not among those that start`);
    return;
  }
  const host = registries[word] ?? "";
  draft.put("mirror_hosts", name.toLowerCase(), host);
  if (user !== undefined && password !== undefined) draft.login({ host, user, password });
}

/** Its clients had to show who they are, and a mirror asks nobody. */
function takeGuards(its: Variables, draft: Draft): void {
  const guards = its
    .takeAll(/^REGISTRY_(?:PROXY|CACHE)_\w*(MTLS_AUTH|OAUTH2|HTTP_AUTH)$/)
    .filter(({ value }) => value !== "false");
  const hasCertificates = guards.some(({ match }) => match[1] === "MTLS_AUTH");
  if (hasCertificates) takeCertificates(draft);
  for (const { match } of guards) {
    if (match[1] === "MTLS_AUTH") continue;
    if (hasCertificates) {
      draft.note(`${match.input}: a client's certificate alone opens it here`);
      continue;
    }
    draft.questions.push({
      about: match.input,
      question:
        "its clients had to log in, and mirrors here are open to all of allow_clients. Is that meant?",
      settings: {},
      otherwise:
        "is on: its clients had to log in, and mirrors here would be open to all of ALLOW_CLIENTS; keep a proxy in front that asks them, then leave it out",
      isNeeded: true,
    });
  }
}

function takeCertificates(draft: Draft): void {
  const usual = "/etc/entrepot/client-ca.pem";
  draft.set("tls_client_ca", usual, "clients show a certificate of this CA, as before");
  draft.places.push({
    ...{ key: "tls_client_ca", usual },
    question: "Which file has the CA of the clients' certificates?",
  });
  // The proxy can ask for no certificate, and nobody used it before.
  draft.secrets.set("proxy-auth-file", `nobody:${randomBytes(24).toString("base64url")}`);
  draft.set("mirror_allow_clients", draft.settings.get("allow_clients") ?? privateNetworks);
}
