import { describe, expect, it } from "vitest";
import { credentialEntries } from "../../../src/app/settings/derived.ts";
import { problemsOf, settingsFrom, settingsFromYaml } from "./loading.ts";

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
      policy: { allow: [], deny: [], tags: [] },
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
    const tags = [{ tag: "latest", ttl: 3_600_000 }];
    expect(registries.policy).toEqual({ allow: [], deny: [], tags });
  });

  it("take a policy from the settings file, and know what is wrong with it", async () => {
    const { registries } = await settingsFromYaml(
      "policy:\n  allow:\n    - docker.io/library/*\n  deny:\n    - '*/**:latest'\n",
    );
    expect(registries.policy.allow.map(({ text }) => text)).toEqual(["docker.io/library/*"]);
    expect(registries.policy.deny.map(({ text }) => text)).toEqual(["*/**:latest"]);
    expect(await problemsOf({ yaml: "policy:\n  deny:\n    - alpine:edge\n" })).toEqual([
      'policy in settings.yaml has "alpine:…" as entry 1 of deny; write registry/repository or registry/repository:tag, such as docker.io/library/* or ghcr.io/team/**:v*',
    ]);
  });
});
