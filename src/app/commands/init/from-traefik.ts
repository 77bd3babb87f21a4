/** One registry:2 for each upstream behind Traefik: each name becomes a name of the mirror. */
import type { Draft } from "./draft.ts";
import type { OldSetup } from "./old-setup.ts";
import type { Variables } from "./variables.ts";

export function isTraefik({ variables }: OldSetup): boolean {
  return [...variables.keys()].some((name) => /^(?:CACHE_DOMAIN\d*|TRAEFIK_ACME_\w+)$/.test(name));
}

export function fromTraefik(_setup: OldSetup, its: Variables, draft: Draft): void {
  const upstreams = new Map(
    its.takeAll(/^UPSTREAM_REGISTRY(\d*)$/).map(({ match, value }) => [numberOf(match), value]),
  );
  const users = new Map(
    its.takeAll(/^USERNAME(\d*)$/).map(({ match, value }) => [numberOf(match), value]),
  );
  const passwords = new Map(
    its.takeAll(/^PASSWORD(\d*)$/).map(({ match, value }) => [numberOf(match), value]),
  );
  for (const { match, value: name } of its.takeAll(/^CACHE_DOMAIN(\d*)$/)) {
    const number = numberOf(match);
    const upstream = registryOf(upstreams.get(number) ?? "docker.io");
    draft.put("mirror_hosts", name.toLowerCase(), upstream);
    const [user, password] = [users.get(number), passwords.get(number)];
    if (user !== undefined && password !== undefined) {
      draft.login({ host: upstream, user, password });
    }
  }
  draft.set("allow_push", false, "it was read-only");
  takeCertificates(its, draft);
  its.drop(/^MTU$/, "there is no network of its own here");
  its.drop(/^(?:TZ|COMPOSE_PROJECT_NAME|COMPOSE_PATH_SEPARATOR)$/, "not needed here");
}

/** The first has no digit, or 1. */
function numberOf(match: RegExpExecArray): number {
  return Number(match[1] || "1");
}

/** `https://registry-1.docker.io/` is docker.io here. */
export function registryOf(url: string): string {
  const host = url
    .trim()
    .replace(/^https:\/\//i, "")
    .replace(/(?<!\/)\/+$/, "")
    .toLowerCase();
  return /^(?:registry-1|index)\.docker\.io$/.test(host) ? "docker.io" : host;
}

function takeCertificates(its: Variables, draft: Draft): void {
  const composeFile = its.take("COMPOSE_FILE") ?? "";
  const email = its.take("TRAEFIK_ACME_EMAIL");
  const provider = its.take("TRAEFIK_ACME_CHALLENGE_DNS_PROVIDER");
  const credentials = its.take("TRAEFIK_ACME_CHALLENGE_DNS_CREDENTIALS");
  if (/-testing\b/.test(composeFile)) {
    draft.set("port", 80, "COMPOSE_FILE said testing: plain HTTP");
    return;
  }
  const names = Object.keys((draft.settings.get("mirror_hosts") ?? {}) as object);
  draft.set("tls_port", 443);
  draft.set("acme_domains", names);
  if (email !== undefined) draft.set("acme_email", email);
  const isDns = /-dns\b/.test(composeFile) || (composeFile === "" && provider !== undefined);
  draft.set("acme_challenge", isDns ? "dns-01" : "http-01");
  if (isDns) takeProvider(provider, credentials, draft);
}

function takeProvider(provider = "", credentials = "", draft: Draft): void {
  const [, name = "", secret = ""] = /^\s*(\w+)=(.*)$/s.exec(credentials) ?? [];
  if (provider === "cloudflare") {
    draft.set("acme_dns_provider", "cloudflare");
    if (name === "CF_DNS_API_TOKEN" || name === "CLOUDFLARE_DNS_API_TOKEN") {
      draft.secrets.set("cloudflare-api-token-file", secret.trim());
    } else draft.note("cloudflare needs a token here; write it as CLOUDFLARE_API_TOKEN");
    return;
  }
  const which = provider === "" ? "no provider is named" : `${provider} is not built in`;
  const needs = name === "" ? "" : `, with ${name} in its environment`;
  draft.note(
    `TRAEFIK_ACME_CHALLENGE_DNS_PROVIDER: ${which}; write a command as acme_dns_provider that sets and unsets the record${needs}`,
  );
}
