/**
 * A docker `config.json` (or podman `auth.json`): its `auths`, and the helpers that hold the rest.
 * Keys are read as docker reads them: scheme and `/v1/` fall away, a longer path names repositories.
 */
import { parseBasic } from "../../protocol/http/basic-auth.ts";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import { registryNameOf } from "../../protocol/registry-name.ts";
import type { CredentialEntry, Login } from "./credential.ts";
import { CredentialError } from "./credential-error.ts";

export type DockerConfig = {
  readonly entries: readonly CredentialEntry[];
  /** `credsStore`: ask it which servers it holds, then `storeEntries`. */
  readonly store: string | undefined;
};

/** Throws CredentialError SYNTAX when it is no such file. One host named twice keeps its first entry. */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  const config = fieldsOf(parseJson(text));
  if (config === undefined) {
    const remedy = "write the path of a config.json as docker login makes it, or of its folder";
    const sentence = `DOCKER_CONFIG names ${path}, which holds no JSON object; ${remedy}`;
    throw new CredentialError("SYNTAX", sentence);
  }
  const { credsStore: store } = config;
  const helpers = Object.entries(fieldsOf(config.credHelpers) ?? {}).flatMap(([server, helper]) =>
    typeof helper === "string" ? entryOf(server, { kind: "helper", helper, server }) : [],
  );
  const auths = Object.entries(fieldsOf(config.auths) ?? {}).flatMap(([server, value]) => {
    const login = loginOf(fieldsOf(value) ?? {});
    return login === undefined ? [] : entryOf(server, login);
  });
  return {
    entries: mergeEntries(helpers, auths),
    store: typeof store === "string" && store !== "" ? store : undefined,
  };
}

/** Entries for the servers a `credsStore` holds. */
export function storeEntries(store: string, servers: readonly string[]): CredentialEntry[] {
  return servers.flatMap((server) => entryOf(server, { kind: "helper", helper: store, server }));
}

/** All entries; of those for the same host and repositories the first stands. */
export function mergeEntries(
  ...lists: readonly (readonly CredentialEntry[])[]
): readonly CredentialEntry[] {
  const merged = new Map<string, CredentialEntry>();
  for (const entry of lists.flat()) {
    const key = [registryNameOf(entry.address), ...(entry.repositories ?? [])].join(" ");
    if (!merged.has(key)) merged.set(key, entry);
  }
  return [...merged.values()];
}

function entryOf(server: string, login: Login): CredentialEntry[] {
  const [host = "", ...path] = server.replace(/^https?:\/\//i, "").split("/");
  const address = parseHostPort(host, 443);
  if (address === undefined) return [];
  const repository = path.filter((part) => part !== "").join("/");
  if (repository === "" || repository === "v1" || repository === "v2") return [{ address, login }];
  return [{ address, login, repositories: [repository, `${repository}/**`] }];
}

function loginOf(fields: Readonly<Record<string, unknown>>): Login | undefined {
  const { identitytoken: token, auth, username: user, password } = fields;
  if (typeof token === "string" && token !== "") return { kind: "identity", token };
  if (typeof auth === "string" && auth !== "") {
    const basic = parseBasic(`Basic ${auth}`);
    if (basic !== undefined && basic.user !== "") return { kind: "password", ...basic };
  }
  if (typeof user !== "string" || typeof password !== "string" || user === "") return undefined;
  return { kind: "password", user, password };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds secrets.
    return undefined;
  }
}
