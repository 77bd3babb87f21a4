import { describe, expect, it } from "vitest";
import { loadAll } from "../../src/app/old-setup.ts";
import { credentialEntries } from "../../src/app/settings/derived.ts";
import { SettingsError } from "../../src/app/settings/settings-error.ts";

const traefik = `COMPOSE_FILE=docker-compose.yml:docker-compose-acme-dns.yml
CACHE_DOMAIN1=hub.example.com
UPSTREAM_REGISTRY1=https://registry-1.docker.io
USERNAME1=12345
PASSWORD1='CANARY-a:b $c #d'
CACHE_DOMAIN2=ghcr.example.com
UPSTREAM_REGISTRY2=https://ghcr.io
TRAEFIK_ACME_EMAIL=a@example.com
TRAEFIK_ACME_CHALLENGE_DNS_PROVIDER=cloudflare
TRAEFIK_ACME_CHALLENGE_DNS_CREDENTIALS=CF_DNS_API_TOKEN=CANARY-token
MTU=1450
`;

function load(content: string, environment: Readonly<Record<string, string>> = {}) {
  return loadAll({
    flags: new Map(),
    environment: { OLD_SETUP: "/setup/.env", ...environment },
    settingsFile: environment.CONFIG_FILE,
    readFile: async () => content,
  });
}

describe("the file of a set-up that is replaced, at a start", () => {
  it("is where settings and logins come from", async () => {
    const { settings, warnings, files } = await load(traefik);
    const hosts = settings.mirror.hosts.map(({ host, registry }) => [host, registry?.name]);
    expect(hosts).toEqual([
      ["hub.example.com", "docker.io"],
      ["ghcr.example.com", "ghcr.io"],
    ]);
    expect(credentialEntries(settings)).toEqual([
      expect.objectContaining({
        login: { kind: "password", user: "12345", password: "CANARY-a:b $c #d" },
      }),
    ]);
    expect(settings.mirror.cloudflareApiToken).toBe("CANARY-token");
    expect(warnings).toContain("/setup/.env: MTU: there is no network of its own here");
    expect(warnings.join()).not.toContain("CANARY");
    expect(files).toContain("/setup/.env");
  });

  it("is not wondered at for what it says to Compose and to MinIO", async () => {
    const others = "ADDRESS=192.168.1.10\nENTREPOT_IMAGE=entrepot:2\nMINIO_ACCESS_KEY=minioadmin\n";
    const { warnings } = await load(traefik + others);
    expect(warnings).toEqual(["/setup/.env: MTU: there is no network of its own here"]);
  });

  it("has the step-ca of registry caches, where it is written there", async () => {
    const directory = "https://ca.lab.example/acme/acme/directory";
    const file = `REGISTRY_PROXY_GHCR_TRAEFIK_HOST=ghcr.lab.example
ACME_DIRECTORY=${directory}
ACME_CA=/setup/acme-ca.pem
`;
    const { settings, warnings } = await load(file);
    expect(settings.mirror.acmeDirectory).toBe(directory);
    expect(warnings).toEqual([]);
  });

  it("says nothing against what is set besides", async () => {
    const { settings } = await load(traefik, {
      TLS_PORT: "8443",
      AUTH_REGISTRIES: "ghcr.io:me:CANARY-mine",
      CLOUDFLARE_API_TOKEN: "CANARY-other",
    });
    expect(settings.listen.tlsPort).toBe(8443);
    expect(settings.mirror.cloudflareApiToken).toBe("CANARY-other");
    expect(credentialEntries(settings)).toEqual([
      expect.objectContaining({
        login: { kind: "password", user: "me", password: "CANARY-mine" },
      }),
    ]);
  });

  it.each([
    ["is of nothing that is known", "hello", {}, /^OLD_SETUP names a file that cannot be used: /],
    ["stands beside a settings file", traefik, { CONFIG_FILE: "x.yaml" }, /keep one of them$/],
    [
      "asked clients who they are",
      "REGISTRY_PROXY_GHCR_TRAEFIK_HOST=g.example.com\nREGISTRY_PROXY_GHCR_HTTP_AUTH=u:CANARY-h\n",
      {},
      /its clients had to log in/,
    ],
  ])("that %s stops the start with a sentence", async (_what, content, environment, sentence) => {
    const failed: unknown = await load(content, environment).catch((error: unknown) => error);
    if (!(failed instanceof SettingsError)) throw failed;
    expect(failed.problems).toEqual([expect.stringMatching(sentence)]);
    expect(failed.problems.join()).not.toContain("CANARY");
  });
});
