import { describe, expect, it } from "vitest";
import {
  credentialEntries,
  defaultRegistry,
  namedRegistries,
  ownLoginRegistries,
  proxySettings,
  spokenTo,
} from "../../../src/app/settings/derived.ts";
import type { RegistryName } from "../../../src/protocol/registry-name.ts";
import { load, problemsOf, settingsFrom, settingsFromYaml } from "./loading.ts";

describe("what follows from several settings", () => {
  it("logins: text by its delimiters, entries of a list as they are, CONFIG's own", async () => {
    const settings = await settingsFromYaml(`
auth_registries:
  - "ghcr.io:user:pass word"
  - { host: quay.io, user: u, password: p }
config:
  - { registry: gcr.io, variables: { REGISTRY_PROXY_USERNAME: c, REGISTRY_PROXY_PASSWORD: d } }
`);
    expect(credentialEntries(settings)).toEqual([
      {
        address: { host: "ghcr.io", port: 443 },
        login: { kind: "password", user: "user", password: "pass word" },
      },
      {
        address: { host: "quay.io", port: 443 },
        login: { kind: "password", user: "u", password: "p" },
      },
      {
        address: { host: "gcr.io", port: 443 },
        login: { kind: "password", user: "c", password: "d" },
      },
    ]);
  });

  it("logins of CONFIG: the process-wide one where an entry has none", async () => {
    const environment = {
      CONFIG:
        '["ghcr.io", {"registry": "quay.io", "variables": {"REGISTRY_PROXY_USERNAME": "q", "REGISTRY_PROXY_PASSWORD": "CANARY-q"}}]',
      REGISTRY_PROXY_USERNAME: "all",
      REGISTRY_PROXY_PASSWORD: "CANARY-all",
    };
    const { settings, warnings } = await load({ environment });
    expect(
      credentialEntries(settings).map(({ address, login }) => ({ ...address, ...login })),
    ).toEqual([
      { host: "ghcr.io", port: 443, kind: "password", user: "all", password: "CANARY-all" },
      { host: "quay.io", port: 443, kind: "password", user: "q", password: "CANARY-q" },
    ]);
    expect(warnings).toEqual([]);
    const { REGISTRY_PROXY_PASSWORD, ...half } = environment;
    expect(await problemsOf({ environment: half })).toEqual([
      "REGISTRY_PROXY_USERNAME stands alone; write REGISTRY_PROXY_PASSWORD too",
    ]);
    const { CONFIG, ...without } = environment;
    expect((await load({ environment: without })).warnings).toEqual([
      "REGISTRY_PROXY_USERNAME has no effect without CONFIG; AUTH_REGISTRIES has the logins",
      "REGISTRY_PROXY_PASSWORD has no effect without CONFIG; AUTH_REGISTRIES has the logins",
    ]);
  });

  it("what listens on this machine alone and is not to be asked", async () => {
    const REGISTRIES = "localhost:5000 [::1]:5000 http://127.0.0.1:5001 10.0.0.7:5000 *.lan";
    const UPSTREAM_ALLOW_ADDRESSES = "127.0.0.1";
    const minded = async (environment: Record<string, string>) =>
      (await load({ environment })).warnings.map((line) => line.replace(/ is on .* write /, " "));
    expect(await minded({ REGISTRIES })).toEqual([
      "localhost:5000 in REGISTRIES UPSTREAM_ALLOW_ADDRESSES=127.0.0.1 if it is to be",
      "[::1]:5000 in REGISTRIES UPSTREAM_ALLOW_ADDRESSES=::1 if it is to be",
      "127.0.0.1:5001 in REGISTRIES UPSTREAM_ALLOW_ADDRESSES=127.0.0.1 if it is to be",
    ]);
    expect(await minded({ REGISTRIES, UPSTREAM_ALLOW_ADDRESSES })).toEqual([
      "[::1]:5000 in REGISTRIES UPSTREAM_ALLOW_ADDRESSES=::1 if it is to be",
    ]);
  });

  it("a registry's own way out by the variables of its entry in CONFIG, the rest as for all", async () => {
    const entry = (registry: string, variables: Record<string, string>) => ({
      registry,
      variables,
    });
    const CONFIG = JSON.stringify([
      entry("ghcr.io", { https_proxy: "http://own:1" }),
      entry("quay.io", { HTTPS_PROXY: "http://own:1", no_proxy: "quay.io" }),
      entry("gcr.io", { no_proxy: ".lan" }),
      entry("http://reg.lan:5000", { https_proxy: "http://own:1" }),
      entry("docker.io", {}),
    ]);
    const settings = await settingsFrom({ CONFIG, HTTPS_PROXY: "http://all:2" });
    const own = [...proxySettings(settings).perRegistry].map(([name, way]) => [
      name,
      way === "direct" ? way : way.address.host,
    ]);
    expect(own).toEqual([
      ["ghcr.io", "own"],
      ["quay.io", "direct"],
      ["gcr.io", "all"],
      ["http://reg.lan:5000", "direct"],
    ]);
  });

  it("registries the operator has named, however he did", async () => {
    const settings = await settingsFrom({
      REGISTRIES: "*.lan a.lan:5000",
      AUTH_REGISTRIES: "b.lan:8443:u:p auth.docker.io:u:p",
      MIRROR_HOSTS: "m.example.com=c.lan",
      MIRROR_DEFAULT: "http://d.lan:5000",
      CONFIG: '[{"registry": "e.lan", "externalUri": "f.lan"}, "a.lan:5000"]',
    });
    expect(namedRegistries(settings)).toEqual([
      ...["*.lan", "a.lan:5000", "b.lan:8443", "auth.docker.io", "c.lan", "e.lan", "f.lan"],
      "d.lan:5000",
    ]);
  });

  it("the default registry: MIRROR_DEFAULT, else CONFIG's first, else Docker Hub", async () => {
    const CONFIG = '["ghcr.io", "quay.io"]';
    expect(defaultRegistry(await settingsFrom({})).name).toBe("docker.io");
    expect(defaultRegistry(await settingsFrom({ CONFIG })).name).toBe("ghcr.io");
    const both = await settingsFrom({ CONFIG, MIRROR_DEFAULT: "http://reg.lan:5000" });
    expect(defaultRegistry(both)).toEqual({ name: "http://reg.lan:5000", scheme: "http" });
  });

  it.each([
    ["reg.lan:5000", "http://reg.lan:5000", "http://reg.lan:5000"],
    ["reg.lan", "http://reg.lan", "http://reg.lan:80"],
    ["reg.lan:5000", "http://*.lan:5000", "http://reg.lan:5000"],
    ["reg.lan:5000", "http://reg.lan", "https://reg.lan:5000"],
    ["reg.lan:5000", "https://reg.lan:5000 http://*.lan:5000", "https://reg.lan:5000"],
    ["ghcr.io", "http://reg.lan", "https://ghcr.io"],
  ])("%s with REGISTRIES=%s is reached at %s", async (name, REGISTRIES, url) => {
    const registry = { name: name as RegistryName, scheme: "https" as const };
    const reached = spokenTo(await settingsFrom({ REGISTRIES }))(registry);
    expect(reached.scheme === "http" ? reached.name : `https://${reached.name}`).toBe(url);
  });

  it("ways out, one for all and some for one registry", async () => {
    const { settings } = await load({
      environment: { HTTPS_PROXY: "http://all:1" },
      yaml: `
registries:
  - { host: a.lan, proxy: "http://own:2" }
  - { host: b.lan, proxy: direct, own_login: true }
  - c.lan
  - { host: "http://d.lan", proxy: direct }
no_proxy: lan
`,
    });
    const proxies = proxySettings(settings);
    expect(proxies.https?.address.host).toBe("all");
    expect(proxies.except).toBe("lan");
    expect([...proxies.perRegistry.keys()]).toEqual(["a.lan", "b.lan", "http://d.lan:80"]);
    expect(ownLoginRegistries(settings)).toEqual(new Set(["b.lan"]));
  });
});
