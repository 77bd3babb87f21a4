import { describe, expect, it } from "vitest";
import { leftBehind, quoted } from "../../../src/app/settings/left-behind.ts";

describe("variables of other programs without a meaning here", () => {
  it.each([
    ["ENABLE_MANIFEST_CACHE", "true", "TAG_TTL"],
    ["DISABLE_IPV6", "true", "UPSTREAM_FAMILY=4"],
    ["CA_CRT_FILE", "/ca/ca.crt", "CA_CERT"],
    ["CA_KEY_FILE", "/ca/ca.key", "CA_KEY"],
    ["CACHE_SIZE", "10g", "CACHE_MAX_SIZE"],
    ["AUTH_REGISTRY", "ghcr.io:u:CANARY", "AUTH_REGISTRIES"],
    ["CACHE_DOMAIN1", "hub.lan", "MIRROR_HOSTS"],
    ["UPSTREAM_REGISTRY2", "ghcr.io", "MIRROR_HOSTS"],
    ["USERNAME1", "alice", "AUTH_REGISTRIES"],
    ["CACHE_DOMAIN", "hub.lan", "MIRROR_HOSTS"],
    ["DEBUG_NGINX", "true", "LOG_LEVEL=debug"],
    ["PROXY_READ_TIMEOUT", "60s", "only silence ends a transfer"],
    ["REGISTRY_CACHE_QUAY_TRAEFIK_HOST", "quay.lan", "MIRROR_HOSTS"],
    ["REGISTRY_PROXY_IP_SOURCERANGE", "10.0.0.0/8", "ALLOW_CLIENTS"],
    ["REGISTRY_PROXY_MTLS_AUTH", "true", "TLS_CLIENT_CA"],
    ["REGISTRY_PROXY_OAUTH2", "true", "mirrors here are open"],
    ["REGISTRY_CACHE_HTTP_AUTH", "u:CANARY", "mirrors here are open"],
    ["TRAEFIK_ACME_EMAIL", "a@b.example", "ACME_DOMAINS, ACME_EMAIL"],
    ["REGISTRY_PROXY_GHCR_TRAEFIK_HOST", "ghcr.lan", "MIRROR_HOSTS"],
    ["REGISTRY_PROXY_GHCR_PASSWORD", "CANARY", "AUTH_REGISTRIES"],
    ["REGISTRY_PROXY_REMOTEURL", "https://ghcr.io", "MIRROR_DEFAULT"],
    ["REGISTRY_STORAGE_DELETE_ENABLED", "true", "STORE says where images are kept"],
    ["REGISTRY_HTTP_ADDR", ":5000", "entrepot --help"],
  ])("%s=%s is told of, and that %s does it", (name, value, successor) => {
    const sentences = leftBehind({ [name]: value, PATH: "/bin" }, ["CACHE_MAX_SIZE"]);
    expect(sentences).toHaveLength(1);
    expect(sentences.join()).not.toContain("CANARY");
    expect(sentences[0]).toContain(`${name} has no effect here; ${successor}`);
  });

  it("with values that change nothing are not worth a word", () => {
    const proxy = { ENABLE_MANIFEST_CACHE: "false", DISABLE_IPV6: "false", CA_KEY_FILE: "" };
    expect(leftBehind({ ...proxy, MANIFEST_CACHE_DEFAULT_TIME: "1h", DEBUG: "true" }, [])).toEqual(
      [],
    );
  });

  it("with names that others use too count beside the set-up's own alone", () => {
    const shell = { USERNAME: "ann", PASSWORD: "CANARY", MTU: "1400", COMPOSE_FILE: "a.yml" };
    expect(leftBehind(shell, [])).toEqual([]);
    const all = leftBehind({ ...shell, CACHE_DOMAIN: "hub.lan" }, []);
    expect(all.map((sentence) => sentence.split(" ", 1)[0])).toEqual([
      ...["USERNAME", "PASSWORD", "MTU", "COMPOSE_FILE", "CACHE_DOMAIN"],
    ]);
    const tiers = { MANIFEST_CACHE_PRIMARY_TIME: "1h", ENABLE_MANIFEST_CACHE: "true" };
    expect(leftBehind(tiers, [])).toHaveLength(2);
  });

  it("that are a setting's other name mean something", () => {
    expect(leftBehind({ CACHE_SIZE: "1g" }, ["CACHE_SIZE"])).toEqual([]);
  });
});

it("a value in quotes, as some env files have it, is told of by its name", () => {
  const given = { AUTH_REGISTRIES: '"ghcr.io:u:CANARY"', PORT: "3128", TAG_TTL: "'1 m'" };
  expect(quoted(given, ["AUTH_REGISTRIES", "PORT", "TAG_TTL"])).toEqual([
    "AUTH_REGISTRIES stands in quotes, which count as part of it; leave them out of the env file",
    "TAG_TTL stands in quotes, which count as part of it; leave them out of the env file",
  ]);
});
