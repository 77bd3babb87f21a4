/** The path-prefix cache: its list of registries, in CONFIG. */
import { isObject } from "../../settings/fields.ts";
import { type Draft, InitError } from "./draft.ts";
import { takeBucket } from "./from-bucket.ts";
import { registryOf } from "./from-traefik.ts";
import type { OldSetup } from "./old-setup.ts";
import type { Variables } from "./variables.ts";

export function isConfig({ variables }: OldSetup): boolean {
  return variables.has("CONFIG");
}

export function fromConfig({ ports }: OldSetup, its: Variables, draft: Draft): void {
  const user = its.take("REGISTRY_PROXY_USERNAME");
  const password = its.take("REGISTRY_PROXY_PASSWORD");
  const everywhere = its.take("REGISTRY_PROXY_REMOTEURL");
  const usual = user && password ? { user, password } : undefined;
  const entries = listOf(its.take("CONFIG") ?? "[]").map((raw) => entryOf(raw, everywhere));
  for (const { remote, login = usual, unread } of entries) {
    if (login !== undefined) draft.login({ host: remote, ...login });
    for (const name of unread) draft.note(`${name} of ${remote}: no meaning here`);
  }
  const isAnyElsewhere = entries.some(({ registry, remote }) => registry !== remote);
  const first = entries[0];
  if (isAnyElsewhere) {
    const config = entries.map(({ registry, remote }) => ({ registry, externalUri: remote }));
    draft.set("config", config, "the first is meant when a request names no registry");
  } else if (first !== undefined) {
    draft.set("mirror_default", first.registry, "meant when a request names no registry");
    draft.set("registries", [...new Set(entries.map(({ registry }) => registry))]);
  }
  draft.set("allow_push", false, "it was read-only");
  takeWaysOut(its, draft);
  const published = ports.map((each) => publishedAs(each.split(":"))).find(Boolean);
  draft.set("port", Number(published ?? 5000));
  takeBucket(its, draft);
  its.drop(/^REGISTRY_STORAGE\w*$/, "store says where images are kept");
  its.drop(/^REGISTRY_\w+$/, "a setting of registry:2, which does not run here");
}

/** `8080:5000`, with an address before it or not. */
function publishedAs(parts: readonly string[]): string | undefined {
  return parts.at(-1) === "5000" ? parts.at(-2) : undefined;
}

type Entry = {
  readonly registry: string;
  readonly remote: string;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  readonly unread: readonly string[];
};

function entryOf(raw: unknown, everywhere: string | undefined): Entry {
  const fields = isObject(raw) ? raw : { registry: raw };
  const variables = isObject(fields.variables) ? fields.variables : {};
  const text = (name: string) =>
    typeof variables[name] === "string" ? variables[name] : undefined;
  const registry = registryOf(String(fields.registry ?? ""));
  if (registry === "") throw new InitError("CONFIG has an entry without a registry");
  const written = text("REGISTRY_PROXY_REMOTEURL") ?? fields.externalUri ?? everywhere;
  const remote = typeof written === "string" ? registryOf(written) : registry;
  const [user, password] = [text("REGISTRY_PROXY_USERNAME"), text("REGISTRY_PROXY_PASSWORD")];
  const read = /^REGISTRY_PROXY_(?:REMOTEURL|USERNAME|PASSWORD)$/;
  return {
    ...{ registry, remote, login: user && password ? { user, password } : undefined },
    unread: [
      ...Object.keys(variables).filter((name) => !read.test(name)),
      ...("healthcheck" in fields ? ["healthcheck"] : []),
    ],
  };
}

function listOf(text: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list;
  } catch (cause) {
    throw new InitError("CONFIG is not valid JSON", { cause });
  }
  throw new InitError("CONFIG is not a list");
}

/** With a login in it a proxy's address is a secret, which no YAML file takes here. */
function takeWaysOut(its: Variables, draft: Draft): void {
  for (const name of ["https_proxy", "http_proxy", "no_proxy"]) {
    const address = its.take(name) ?? its.take(name.toUpperCase());
    if (address === undefined) continue;
    if (!address.includes("@")) draft.set(name, address);
    else draft.secrets.set(`${name.replace("_", "-")}-file`, address);
  }
}
