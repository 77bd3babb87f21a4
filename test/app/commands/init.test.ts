import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Asker } from "../../../src/app/commands/init/asker.ts";
import { InitError } from "../../../src/app/commands/init/draft.ts";
import { init } from "../../../src/app/commands/init/init.ts";
import type { LiveCheckParts } from "../../../src/app/commands/init/live-check.ts";
import { parseDockerConfig } from "../../../src/upstream/auth/docker-config.ts";
import type { Lookup } from "../../../src/upstream/net/name-lookup.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

/** Runs it in a folder of its own. */
async function initFrom(name: string, content: string, asked?: Asker, lookup = offline) {
  const folder = await temporaryFolder();
  const from = join(folder, name);
  await writeFile(from, content);
  return { folder, ...(await run(folder, from, asked, { environment: {}, lookup })) };
}

/** As behind a line that is cut: which names there are is not known then. */
const offline: Lookup = async () => {
  throw Object.assign(new Error("no answer"), { code: "EAI_AGAIN" });
};

async function run(
  folder: string,
  from: string | undefined,
  asked?: Asker,
  live: LiveCheckParts = { environment: {}, lookup: offline },
) {
  const lines: string[] = [];
  const output = join(folder, "entrepot.yaml");
  const print = (line: string) => void lines.push(line);
  const ask = { from, output, isYes: asked === undefined, isTerminal: false, live, print };
  const code = await init(ask, asked);
  const text = await readFile(output, "utf8");
  const { docker_config: loginsFile, ...settings } = parse(text) as Record<string, unknown>;
  const logins =
    typeof loginsFile === "string"
      ? parseDockerConfig(await readFile(loginsFile, "utf8"), loginsFile).entries
      : [];
  const said = lines.join("\n");
  expect(text + said).not.toContain("CANARY");
  return {
    ...{ code, text, settings, said },
    logins: logins.map(({ address, login }) => [address.host, "user" in login && login.user]),
    loginsFile: typeof loginsFile === "string" ? loginsFile : undefined,
  };
}

/** Says yes to what is asked, and what `answers` hold by a word of the question. */
function scripted(answers: Readonly<Record<string, readonly string[]>>): Asker {
  const left = new Map(Object.entries(answers).map(([word, all]) => [word, [...all]]));
  const answer = (question: string): string | undefined =>
    [...left].find(([word]) => question.includes(word))?.[1].shift();
  return {
    isPerson: true,
    tell: () => undefined,
    several: async (question, _choices, usual) => answer(question)?.split(" ") ?? usual,
    text: async (question, usual, check) => {
      const text = answer(question) ?? usual;
      expect(check?.(text)).toBeUndefined();
      return text;
    },
    secret: async (question) => answer(question) ?? "",
    confirm: async (question) => answer(question) === "yes",
    choose: async (question, choices) => {
      const wanted = answer(question);
      const found = choices.find(({ value }) => value === wanted) ?? choices[0];
      if (found === undefined) throw new TypeError(question);
      return found.value;
    },
  };
}

describe("init from a set-up that is replaced", () => {
  const proxy = `# comment
REGISTRIES=k8s.gcr.io reg.lan:5000
AUTH_REGISTRIES="auth.docker.io:alice:CANARY-1 ghcr.io:bob:CANARY-2"
CACHE_MAX_SIZE=100g
ENABLE_MANIFEST_CACHE=true
MANIFEST_CACHE_DEFAULT_TIME=2h
DISABLE_IPV6=true
VERIFY_SSL=false
PROXY_READ_TIMEOUT=60s
SOMETHING=CANARY-3
`;

  it("docker-registry-proxy's env file", async () => {
    const { code, settings, logins, said, loginsFile } = await initFrom("proxy.env", proxy);
    expect(code).toBe(0);
    expect(settings).toEqual({
      registries: ["k8s.gcr.io", "reg.lan:5000"],
      cache_max_size: "100g",
      allow_push: false,
      upstream_family: 4,
      policy: {
        tags: [
          { tag: "/^(?:(stable|nightly|production|test))/", ttl: "10 min" },
          { tag: String.raw`/\d+\.\d+\.\d+/`, ttl: "60 d" },
        ],
      },
      tag_ttl: "2 h",
    });
    expect(logins).toEqual([
      ["auth.docker.io", "alice"],
      ["ghcr.io", "bob"],
    ]);
    expect((await stat(loginsFile ?? "")).mode & 0o777).toBe(0o600);
    expect(said).toContain("SOMETHING: not known here");
    expect(said).toContain("PROXY_READ_TIMEOUT: only silence ends a transfer here");
    expect(said).toContain("VERIFY_SSL=false: the certificate of reg.lan:5000 is checked");
  });

  it("asks which of its registries may go unchecked", async () => {
    const asker = scripted({ "reg.lan:5000 go unchecked": ["yes"] });
    const { settings } = await initFrom("proxy.env", proxy, asker);
    expect(settings.verify_ssl).toEqual(["reg.lan:5000=false"]);
  });

  it.each([
    ["list", "    environment:\n      - REGISTRIES=quay.io\n      - ALLOW_PUSH=true\n"],
    ["map", "    environment:\n      REGISTRIES: quay.io\n      ALLOW_PUSH: true\n"],
    ["block", "    environment: |\n      REGISTRIES=quay.io\n      ALLOW_PUSH=true\n"],
  ])(
    "docker-registry-proxy's compose file, its environment as a %s, with its CA",
    async (_, environment) => {
      const compose = `services:\n  cache:\n    image: x\n${environment}    volumes:\n      - ./certs:/ca\n`;
      const { settings, folder } = await initFrom("docker-compose.yml", compose);
      expect(settings).toEqual({
        registries: ["quay.io"],
        allow_push: true,
        ca_cert: join(folder, "certs/ca.crt"),
        ca_key: join(folder, "certs/ca.key"),
      });
    },
  );

  it("one registry for each upstream behind Traefik, the first without a digit", async () => {
    const { code, settings, logins, said, folder } = await initFrom(
      ".env",
      `CACHE_DOMAIN=hub.example.com
USERNAME=alice
PASSWORD=CANARY-a
CACHE_DOMAIN2=ghcr.example.com
UPSTREAM_REGISTRY2=https://ghcr.io
COMPOSE_FILE=docker-compose.yml:docker-compose-acme-dns.yml
TRAEFIK_ACME_EMAIL=a@example.com
TRAEFIK_ACME_CHALLENGE_DNS_PROVIDER=cloudflare
TRAEFIK_ACME_CHALLENGE_DNS_CREDENTIALS=CF_DNS_API_TOKEN=CANARY-t
MTU=1400
`,
    );
    expect(settings).toEqual({
      mirror_hosts: { "hub.example.com": "docker.io", "ghcr.example.com": "ghcr.io" },
      allow_push: false,
      tls_port: 443,
      acme_domains: ["hub.example.com", "ghcr.example.com"],
      acme_email: "a@example.com",
      acme_challenge: "dns-01",
      acme_dns_provider: "cloudflare",
    });
    expect(logins).toEqual([["index.docker.io", "alice"]]);
    const token = join(folder, "entrepot.cloudflare-api-token");
    expect(await readFile(token, "utf8")).toBe("CANARY-t\n");
    expect((await stat(token)).mode & 0o777).toBe(0o600);
    expect(said).toContain(`--cloudflare-api-token-file ${token}`);
    expect(said).toContain("MTU: there is no network of its own here");
    expect(code).toBe(0);
  });

  it("the path-prefix cache's CONFIG with what every registry inherits", async () => {
    const compose = `services:
  cache:
    ports: ["8080:5000"]
    environment:
      CONFIG: '[{"registry": "registry-1.docker.io"}, {"registry": "ghcr.io", "variables": {"REGISTRY_PROXY_USERNAME": "g", "REGISTRY_PROXY_PASSWORD": "CANARY-g", "FOO": "1"}}]'
      REGISTRY_PROXY_USERNAME: all
      REGISTRY_PROXY_PASSWORD: CANARY-all
      REGISTRY_STORAGE_DELETE_ENABLED: "true"
      https_proxy: http://u:CANARY-p@out.lan:3128
`;
    const { settings, logins, said } = await initFrom("compose.yaml", compose);
    expect(settings).toEqual({
      mirror_default: "docker.io",
      registries: ["docker.io", "ghcr.io"],
      allow_push: false,
      port: 8080,
    });
    expect(logins).toEqual([
      ["index.docker.io", "all"],
      ["ghcr.io", "g"],
    ]);
    expect(said).toContain("FOO of ghcr.io: no meaning here");
    expect(said).toContain("--https-proxy-file");
  });

  it("the path-prefix cache's bucket in MinIO, with its login in files", async () => {
    const compose = `services:
  cache:
    ports: ["5000:5000"]
    environment:
      CONFIG: '["docker.io"]'
      REGISTRY_STORAGE: s3
      REGISTRY_STORAGE_S3_BUCKET: registry
      REGISTRY_STORAGE_S3_REGION: us-east-1
      REGISTRY_STORAGE_S3_REGIONENDPOINT: http://minio:9000
      REGISTRY_STORAGE_S3_ROOTDIRECTORY: /cache
      REGISTRY_STORAGE_S3_ACCESSKEY: CANARY-access
      REGISTRY_STORAGE_S3_SECRETKEY: CANARY-secret
`;
    const { settings, said } = await initFrom("compose.yaml", compose);
    expect(settings.store).toBe(
      "s3://registry/cache/entrepot?endpoint=http://minio:9000&region=us-east-1",
    );
    expect(said).toContain("--s3-access-key-file");
    expect(said).toContain("--s3-secret-key-file");
  });

  it("the list alone, registries that are fetched from elsewhere among them", async () => {
    const list = '["ghcr.io", {"registry": "docker.io", "externalUri": "https://mirror.gcr.io"}]';
    const { settings } = await initFrom("config.json", list);
    expect(settings.config).toEqual([
      { registry: "ghcr.io", externalUri: "ghcr.io" },
      { registry: "docker.io", externalUri: "mirror.gcr.io" },
    ]);
  });

  it("Squid before one registry", async () => {
    const squid = `https_port 443 accel cert=/etc/ssl/c.pem key=/etc/ssl/k.pem defaultsite=reg.example.com
cache_peer reg.example.com parent 443 0 no-query originserver login=PASSTHRU ssl sslflags=DONT_VERIFY_PEER
cache_dir ufs /var/spool/squid 20000 16 256 # megabytes
maximum_object_size 5 GB
refresh_pattern . 0 20% 4320
`;
    const { settings, said } = await initFrom("squid.conf", squid);
    expect(settings).toEqual({
      tls_port: 443,
      tls_cert: "/etc/ssl/c.pem",
      tls_key: "/etc/ssl/k.pem",
      mirror_default: "reg.example.com",
      mirror_login: "reg.example.com",
      cache_max_size: "20000m",
      allow_push: true,
    });
    expect(said).toContain("refresh_pattern: no meaning here");
    expect(said).toContain(
      "sslflags=DONT_VERIFY_PEER: the certificate of reg.example.com is checked",
    );
  });

  const caches = `REGISTRY_PROXY_DOCKERHUB_TRAEFIK_HOST=hub.lab.example
REGISTRY_PROXY_DOCKERHUB_USERNAME=alice
REGISTRY_PROXY_DOCKERHUB_PASSWORD=CANARY-h
REGISTRY_CACHE_GHCR_TRAEFIK_HOST=ghcr.lab.example
REGISTRY_PROXY_IP_SOURCERANGE=10.1.0.0/16,10.2.0.0/16
`;

  it("registry caches with prompts, those whose profile starts", async () => {
    const written = `${caches}DOCKER_COMPOSE_PROFILES=dockerhub\n`;
    const { settings, logins, said } = await initFrom("caches.env", written);
    expect(settings.mirror_hosts).toEqual({ "hub.lab.example": "docker.io" });
    expect(settings.allow_clients).toEqual(["10.1.0.0/16", "10.2.0.0/16"]);
    expect(logins).toEqual([["index.docker.io", "alice"]]);
    expect(said).toContain("ghcr.lab.example: its profile is not among those that start");
  });

  it.each(["REGISTRY_PROXY_OAUTH2=true", "REGISTRY_CACHE_GHCR_HTTP_AUTH=u:CANARY"])(
    "stops where %s had kept strangers out, unless somebody means it",
    async (line) => {
      const written = `${caches}${line}\n`;
      await expect(initFrom("caches.env", written)).rejects.toThrow(
        /is on: its clients had to log in, and mirrors here would be open/,
      );
      const asker = scripted({ "Is that meant": ["yes"] });
      expect((await initFrom("caches.env", written, asker)).settings.tls_port).toBe(443);
    },
  );

  it("asks clients for certificates where they had to show some, and closes the proxy", async () => {
    const written = `${caches}REGISTRY_PROXY_MTLS_AUTH=true\nREGISTRY_PROXY_HTTP_AUTH=u:CANARY\n`;
    const asker = scripted({ "CA of the clients": ["/srv/clients.pem"] });
    const { settings, folder, said } = await initFrom("caches.env", written, asker);
    expect(settings.tls_client_ca).toBe("/srv/clients.pem");
    expect(settings.mirror_allow_clients).toEqual(["10.1.0.0/16", "10.2.0.0/16"]);
    expect(await readFile(join(folder, "entrepot.proxy-auth"), "utf8")).toMatch(/^nobody:.{32}\n$/);
    expect(said).toContain("REGISTRY_PROXY_HTTP_AUTH: a client's certificate alone opens it here");
    const asked = await initFrom("caches.env", written);
    expect(asked.said).toContain("tls_client_ca: /etc/entrepot/client-ca.pem has to be there");
  });

  it("says where the CA is that a named volume holds", async () => {
    const compose =
      "services:\n  cache:\n    environment: [REGISTRIES=quay.io]\n    volumes: [mirror_certs:/ca]\n";
    const { settings, said } = await initFrom("docker-compose.yml", compose);
    expect(settings).not.toHaveProperty("ca_cert");
    expect(said).toContain("docker run --rm -v mirror_certs:/ca:ro");
  });

  const names: Lookup = async (host) => {
    if (host === "gcr.io" || host === "quay.io") return [{ address: "192.0.2.1", family: 4 }];
    throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
  };

  it("asks what was meant by a name that has no address", async () => {
    const env = "REGISTRIES=gcr.oi quay.io nowhere.example\nALLOW_PUSH=true\n";
    const asker = scripted({ "did you mean gcr.io": ["yes"] });
    const { settings, said } = await initFrom("proxy.env", env, asker, names);
    expect(settings.registries).toEqual(["gcr.io", "quay.io", "nowhere.example"]);
    expect(said).toContain("nowhere.example has no address here; see whether it is spelled right");
    const alone = await initFrom("proxy.env", env, undefined, names);
    expect(alone.settings.registries).toEqual(["gcr.oi", "quay.io", "nowhere.example"]);
    expect(alone.said).toContain("gcr.oi has no address here; did you mean gcr.io?");
  });

  it.each([
    ["hello", /holds nothing that is known here/],
    ["services: {}", /has no services/],
    ["services: [CANARY", /is not valid YAML/],
    ['[{"variables": {}}]', /has an entry without a registry/],
    ["A=CANARY", /has none of the settings that are known here/],
  ])("refuses %j in a sentence", async (content, sentence) => {
    const failing = initFrom("file", content);
    await expect(failing).rejects.toThrow(sentence);
    await expect(failing).rejects.toThrow(InitError);
    await expect(failing).rejects.not.toThrow(/CANARY/);
  });
});

describe("init that asks", () => {
  it("writes what it is told, logins apart, and overwrites nothing", async () => {
    const folder = await temporaryFolder();
    const asker = scripted({
      "may images be kept": [join(folder, "data")],
      "do you pull from": ["docker.io ghcr.io quay.io"],
      "Registries of your own": ["reg.lan:5000"],
      "clients may share": ["ghcr.io"],
      "User at ghcr.io": ["bob"],
      "Password or token of bob": ["CANARY-b"],
      "Which clients": ["10.0.0.0/8"],
      "How do clients reach it": ["mirror"],
      "stands for docker.io": ["hub.lab.example"],
      "stands for quay.io": ["-"],
      "stands for reg.lan:5000": ["own.lab.example"],
      "show a certificate": ["yes"],
      "certificates come from": ["directory"],
    });
    const { settings, logins, code } = await run(folder, undefined, asker);
    expect(settings).toEqual({
      data_dir: join(folder, "data"),
      cache_max_size: "32 GiB",
      registries: ["reg.lan:5000"],
      allow_clients: ["10.0.0.0/8"],
      mirror_hosts: {
        "hub.lab.example": "docker.io",
        "ghcr.lab.example": "ghcr.io",
        "own.lab.example": "reg.lan:5000",
      },
      tls_port: 443,
      tls_client_ca: "/etc/entrepot/client-ca.pem",
      acme_domains: ["hub.lab.example", "ghcr.lab.example", "own.lab.example"],
      acme_directory: "https://ca.example.com/acme/acme/directory",
      acme_ca: "/etc/entrepot/root.pem",
    });
    expect(logins).toEqual([["ghcr.io", "bob"]]);
    expect(code).toBe(0);
    await expect(run(folder, undefined, scripted({}))).rejects.toThrow(
      `${folder}/entrepot.yaml is there already; write another place as --output FILE`,
    );
  });

  it("takes what is usual with --yes, and wants that where nobody can be asked", async () => {
    const { settings } = await run(await temporaryFolder(), undefined);
    expect(settings).toEqual({ data_dir: "./data", cache_max_size: "32 GiB" });
    const live = { environment: {} };
    const quiet = { from: undefined, isYes: false, isTerminal: false, print: String };
    const ask = { ...quiet, output: "x", live };
    await expect(init(ask)).rejects.toThrow("this is no terminal to ask at; write --yes");
  });
});

it("a file without end, in the place of a set-up, ends in a sentence", async () => {
  const folder = await temporaryFolder();
  await expect(run(folder, "/dev/zero")).rejects.toThrow("/dev/zero is longer than 1 MiB");
  await expect(stat(join(folder, "entrepot.yaml"))).rejects.toThrow("ENOENT");
});
