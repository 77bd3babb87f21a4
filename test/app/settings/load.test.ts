import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { load, problemsOf } from "./loading.ts";

describe("loading the settings", () => {
  const everywhere = {
    flags: { TAG_TTL: "1 s" },
    environment: { TAG_TTL: "2 s" },
    yaml: "tag_ttl: 3 s",
  };

  it("takes a flag before a variable before the file before the default", async () => {
    const { environment, yaml } = everywhere;
    const ttl = async (written: Parameters<typeof load>[0]) => {
      const { settings, origins } = await load(written);
      return [settings.cache.tagTtl, origins.get("TAG_TTL")];
    };
    expect(await ttl(everywhere)).toEqual([1_000, "flag"]);
    expect(await ttl({ environment, yaml })).toEqual([2_000, "environment"]);
    expect(await ttl({ yaml })).toEqual([3_000, "settings file"]);
    expect(await ttl({})).toEqual([10_000, "default"]);
  });

  it("takes an empty variable for one that is left out", async () => {
    const { origins } = await load({ environment: { TAG_TTL: "" }, yaml: "tag_ttl: 3 s" });
    expect(origins.get("TAG_TTL")).toBe("settings file");
  });

  it("reads a secret from its file, after its variable and before the settings file", async () => {
    const files = { "/run/token": "from file\n" };
    const yaml = "ca_key_passphrase: from yaml";
    const token = async (environment: Record<string, string>, flags = {}) => {
      const loaded = await load({ environment, flags, files, yaml });
      return [
        loaded.settings.authority.keyPassphrase,
        loaded.origins.get("CA_KEY_PASSPHRASE"),
        loaded.files,
      ];
    };
    const file = { CA_KEY_PASSPHRASE_FILE: "/run/token" };
    expect(await token(file)).toEqual([
      "from file",
      "secret file",
      ["settings.yaml", "/run/token"],
    ]);
    expect((await token({ ...file, CA_KEY_PASSPHRASE: "direct" }))[0]).toBe("direct");
    expect(
      (await token({ CA_KEY_PASSPHRASE: "direct" }, { CA_KEY_PASSPHRASE: "/run/token" }))[0],
    ).toBe("from file");
    expect((await token({}))[0]).toBe("from yaml");
  });

  it("tells everything that is wrong at once, by the name that was written", async () => {
    const problems = await problemsOf({
      flags: { PORT: "x" },
      environment: { TAG_TTL: "5", no_proxy: "" },
      yaml: "cache_max_size: lots\nofline: true",
    });
    expect(problems).toEqual([
      'settings.yaml has "ofline", which is no setting; did you mean offline?',
      '--port is "x"; write a port from 1 to 65535',
      'cache_max_size in settings.yaml is "lots"; write a size with its unit, such as "32 GiB" or 32g',
      'TAG_TTL is "5"; write a time with its unit, such as "10 s", "5 min" or 24h',
    ]);
  });

  it("names a file that cannot be read", async () => {
    expect(await problemsOf({ environment: { TOKEN_SECRET_FILE: "/run/none" } })).toEqual([
      "TOKEN_SECRET_FILE /run/none cannot be read (ENOENT); write the path of a readable file",
    ]);
  });

  it("names the file that what is wrong stands in", async () => {
    const files = {
      "/run/a": "ghcr.io:bob\n",
      "/run/b": "bob\n",
      "/run/c": "short",
      "/run/d": "\n",
    };
    expect(await problemsOf({ environment: { TOKEN_SECRET_FILE: "/run/c" }, files })).toEqual([
      "TOKEN_SECRET_FILE /run/c cannot be used; write at least 16 characters",
    ]);
    const logins = { AUTH_REGISTRIES_FILE: "/run/a", PROXY_AUTH_FILE: "/run/b" };
    expect(await problemsOf({ environment: logins, files })).toEqual([
      "entry 1 of AUTH_REGISTRIES (in /run/a) has no password; write host[:port]:user:password",
      "PROXY_AUTH (in /run/b) has a login without a password; write user:password",
    ]);
    expect(await problemsOf({ flags: { AUTH_REGISTRIES: "/run/a" }, files })).toEqual([
      expect.stringContaining("AUTH_REGISTRIES (in /run/a) has no password"),
    ]);
    const { warnings } = await load({ environment: { AUTH_REGISTRIES_FILE: "/run/d" }, files });
    expect(warnings).toEqual(["AUTH_REGISTRIES_FILE /run/d is empty"]);
  });

  it("never quotes a secret", async () => {
    const problems = await problemsOf({
      environment: {
        TOKEN_SECRET: "CANARY-1",
        AUTH_REGISTRIES: "ghcr.io:CANARY-2",
        CONFIG: "[CANARY-3",
        HTTPS_PROXY: "ftp://u:CANARY-4@x",
      },
      yaml: 'proxy_auth: { "CANARY-5": 1 }',
    });
    expect(problems).toHaveLength(4);
    expect(problems.join()).not.toMatch(/CANARY/);
  });

  it("says which line of a structured value is not YAML", async () => {
    expect(await problemsOf({ environment: { POLICY: "[{" } })).toEqual([
      expect.stringMatching(
        /^POLICY is not valid JSON \(line 1, column 3: a bracket is left open.*\); write a map of lists/,
      ),
    ]);
  });

  it("reads the example of the reference", async () => {
    const reference = new URL("../../../docs/reference/configuration.md", import.meta.url);
    const yaml = /```yaml\n([\s\S]*?)```/.exec(await readFile(reference, "utf8"))?.[1] ?? "";
    const { settings } = await load({ yaml });
    expect(settings.registries.registries).toHaveLength(2);
    expect(settings.registries.policy.tags).toHaveLength(2);
  });
});
