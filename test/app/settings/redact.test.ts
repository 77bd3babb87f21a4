import { describe, expect, it } from "vitest";
import { describeSettings, secretsOf } from "../../../src/app/settings/redact.ts";
import { load } from "./loading.ts";

const written = {
  environment: {
    AUTH_REGISTRIES: "ghcr.io:user:CANARY-password",
    PROXY_AUTH: "lab:CANARY-proxy",
    TOKEN_SECRET: "CANARY-secret-of-tokens",
    CA_KEY_PASSPHRASE: "CANARY-phrase",
    HTTPS_PROXY: "http://u:CANARY-corporate@proxy:8080",
    CONFIG:
      '[{"registry": "gcr.io", "variables": {"REGISTRY_PROXY_USERNAME": "u", "REGISTRY_PROXY_PASSWORD": "CANARY-config"}}]',
  },
  yaml: `
auth_realms: { reg.example.com: git.example.com }
registries:
  - { host: a.lan, proxy: "http://u:CANARY-own@proxy:1" }
  - { host: b.lan, proxy: direct }
`,
};

describe("keeping secrets out of sight", () => {
  it("knows every one of them, also as Basic writes it", async () => {
    const secrets = secretsOf((await load(written)).settings);
    expect(secrets).toEqual(
      expect.arrayContaining([
        "CANARY-password",
        Buffer.from("user:CANARY-password").toString("base64"),
        "CANARY-proxy",
        "CANARY-secret-of-tokens",
        "CANARY-phrase",
        "CANARY-corporate",
        "CANARY-config",
        "CANARY-own",
      ]),
    );
    expect(secretsOf((await load({})).settings)).toEqual([]);
  });

  it("shows what differs from the defaults as it was written, without them", async () => {
    const lines = describeSettings(await load({ ...written, flags: { TAG_TTL: "1 min" } }));
    expect(lines).toContain("TAG_TTL=1 min (flag)");
    expect(lines).toContain("AUTH_REGISTRIES=(secret) (environment)");
    expect(lines).toContain('AUTH_REALMS={"reg.example.com":"git.example.com"} (settings file)');
    expect(lines.join()).toContain("http://(secret)@proxy:1");
    expect(lines.join()).not.toMatch(/CANARY/);
    expect(describeSettings(await load({}))).toEqual([]);
  });

  it("keeps a value on its line that is a line break, and shows one that is a blank", async () => {
    const environment = { AUTH_REGISTRIES_DELIMITER: "\n", AUTH_REGISTRY_DELIMITER: " " };
    expect(describeSettings(await load({ environment }))).toEqual([
      'AUTH_REGISTRIES_DELIMITER="\\n" (environment)',
      'AUTH_REGISTRY_DELIMITER=" " (environment)',
    ]);
  });
});
