import { describe, expect, it } from "vitest";
import { loadSettings } from "../../../src/app/settings/load.ts";
import { shown } from "../../../src/app/settings/shown.ts";

describe("a secret in the wrong place", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n";

  it.each([
    ["REGISTRIES", "ghcr.io:alice:CANARY"],
    ["REGISTRIES", "https://alice:CANARY@ghcr.io"],
    ["REGISTRIES", "ghcr.io|alice|CANARY"],
    ["REGISTRIES", '[{"host": "ghcr.io:alice:CANARY"}]'],
    ["REGISTRIES", "https://index.docker.io/v1/:alice:CANARY"],
    ["REGISTRIES", "alice@corp.example:CANARY"],
    ["INTERCEPT_EXCEPT", "ghcr.io:alice:CANARY"],
    ["AUTH_REGISTRIES", "ghcr.io:CANARY"],
    ["AUTH_REGISTRIES_FILE", "ghcr.io:alice:CANARY"],
    ["AUTH_REGISTRIES_FILE", "ghcr.io alice CANARY"],
    ["PROXY_AUTH_FILE", "carol:CANARY"],
    ["TOKEN_SECRET_FILE", "CANARY-0123456789"],
    ["CA_KEY_PASSPHRASE_FILE", "CANARY"],
    ["CA_KEY", key],
    ["CA_KEY", key.replaceAll("\n", "")],
    ["CA_CERT", key],
    ["TLS_KEY", key],
    ["DOCKER_CONFIG", '{"auths": {"ghcr.io": {"auth": "CANARY"}}}'],
    ["MIRROR_HOSTS", "hub.example=https://alice:CANARY@ghcr.io"],
    ["MIRROR_HOSTS", "ghcr.io:alice:CANARY"],
    ["MIRROR_DEFAULT", "https://alice:CANARY@ghcr.io"],
    ["MIRROR_LOGIN", "ghcr.io:alice:CANARY"],
    ["VERIFY_SSL", "ghcr.io:alice:CANARY"],
    ["HTTPS_PROXY", "ftp://alice:CANARY@proxy"],
    ["NO_PROXY", "https://alice:CANARY@proxy"],
    ["ALLOW_CLIENTS", "carol:CANARY"],
    ["MIRROR_ALLOW_CLIENTS", "carol:CANARY"],
    ["TRUSTED_PROXIES", "carol:CANARY"],
    ["ACME_DIRECTORY", "alice:CANARY@acme.example"],
    ["ACME_DOMAINS", "alice:CANARY@acme.example"],
    ["HOST", "alice:CANARY@here"],
    ["PORT", "alice:CANARY"],
    ["POLICY", "ghcr.io:alice:CANARY"],
    ["CONFIG", '[{"registry": "ghcr.io:alice:CANARY"}]'],
    ["CONFIG_FILE", "ghcr.io:alice:CANARY"],
    ["CACHE_MAX_SIZE", "ghp_CANARY0123456789012345678901234567"],
  ])("%s=%j is told without it", async (name, value) => {
    const error = await loadSettings({
      ...{ flags: new Map(), environment: { [name]: value } },
      settingsFile: name === "CONFIG_FILE" ? value : undefined,
      readFile: () => Promise.reject(Object.assign(new Error(value), { code: "ENOENT" })),
    }).catch((thrown: unknown) => thrown);
    const told = error instanceof Error ? error.message : "";
    expect(told).not.toContain("CANARY");
    if (name !== "NO_PROXY") expect(told).toMatch(/^[^;]*[A-Z_]+[^;]*; write /);
  });
});

it.each([
  ["ghcr.io:alice:secret", '"ghcr.io:…"'],
  ["https://alice:secret@ghcr.io", '"https://…@ghcr.io"'],
  ["registry.lan:5000", '"registry.lan:5000"'],
  ["[fd00::1]:5000", '"[fd00::1]:5000"'],
  ["10.0.0.0/8x", '"10.0.0.0/8x"'],
  ["two words", '"two words"'],
  ["ghcr.io|alice|secret", '"ghcr.io|alice|…"'],
  ["hub.lan=ghcr.io/a", '"hub.lan=ghcr.io/a"'],
  ["a word ".repeat(30), `"${"a word ".repeat(11)}a w…"`],
  [70_000, '"70000"'],
  [{ host: "a", pasword: "secret" }, "{host, pasword}"],
])("%j is shown as %s", (raw, text) => {
  expect(shown(raw)).toBe(text);
});
