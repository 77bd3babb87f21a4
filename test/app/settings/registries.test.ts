import { describe, expect, it } from "vitest";
import { credentialEntries } from "../../../src/app/settings/derived.ts";
import { settingsFrom } from "./loading.ts";

describe("the registries", () => {
  it("are found by themselves, with pushes allowed and no logins", async () => {
    const { registries } = await settingsFrom({});
    expect(registries).toEqual({
      registries: [],
      authRegistries: undefined,
      authRegistriesDelimiter: " ",
      authRegistryDelimiter: ":",
      authRealms: [],
      dockerConfig: undefined,
      intercept: "auto",
      interceptExcept: [],
      allowPush: true,
      policy: [],
    });
  });

  it("come from an env file of docker-registry-proxy as it is", async () => {
    const settings = await settingsFrom({
      REGISTRIES: "registry.k8s.io gcr.io quay.io ghcr.io",
      AUTH_REGISTRIES: "auth.docker.io|user|pa:ss;;;gcr.io|_json_key|{ a: b }",
      AUTH_REGISTRIES_DELIMITER: ";;;",
      AUTH_REGISTRY_DELIMITER: "|",
      CACHE_MAX_SIZE: "32g",
      VERIFY_SSL: "true",
      ALLOW_PUSH: "false",
    });
    expect(settings.registries.registries.map((each) => each.pattern)).toEqual([
      "registry.k8s.io",
      "gcr.io",
      "quay.io",
      "ghcr.io",
    ]);
    expect(credentialEntries(settings).map((each) => each.login)).toEqual([
      { kind: "password", user: "user", password: "pa:ss" },
      { kind: "password", user: "_json_key", password: "{ a: b }" },
    ]);
    expect(settings.registries.allowPush).toBe(false);
  });

  it("take rules for tags as text, too", async () => {
    const { registries } = await settingsFrom({ POLICY: '[{"tag": "latest", "ttl": "1 h"}]' });
    expect(registries.policy).toEqual([{ tag: "latest", ttl: 3_600_000 }]);
  });
});
