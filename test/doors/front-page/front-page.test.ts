import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { FrontPage } from "../../../src/doors/front-page/front-page.ts";
import type { Health } from "../../../src/doors/front-page/health.ts";
import type { OriginCall } from "../../../src/doors/server/calls.ts";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import {
  canonicalRegistry,
  type Registry,
  type RegistryName,
} from "../../../src/protocol/registry-name.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { textOf } from "../../support/page-text.ts";
import { portOf } from "../open-door.ts";

const root = makeAuthority().ca;
const authority = { root, fingerprint: new X509Certificate(root).fingerprint256 };

describe("the CA", () => {
  it.each([
    ["/ca.crt", "application/x-x509-ca-cert"],
    ["/ca.pem", "application/x-pem-file"],
  ])("%s is PEM, with its fingerprint beside it", async (path, type) => {
    const { answer, body } = await ask(path);
    expect(answer.headers["content-type"]).toBe(type);
    expect(answer.headers["x-ca-fingerprint-sha256"]).toBe(authority.fingerprint);
    expect(new X509Certificate(body).fingerprint256).toBe(authority.fingerprint);
  });

  it.each(["/ca.key", "/ca.crt/../ca.key", "/%2e%2e/ca.key", "/ca.crt%00", "//ca.crt", "/ca"])(
    "%s is nothing",
    async (path) => {
      const { answer, body } = await ask(path);
      expect(answer.statusCode).toBe(404);
      expect(body).not.toContain("PRIVATE");
    },
  );

  it("has headers only for HEAD, and refuses to be written", async () => {
    const head = await ask("/ca.crt", { method: "HEAD" });
    expect(head.answer.headers["content-length"]).toBe(String(root.length));
    expect(head.body).toBe("");
    const put = await ask("/ca.crt", { method: "PUT" });
    expect(put.answer.statusCode).toBe(405);
    expect(put.answer.headers.allow).toBe("GET, HEAD");
  });
});

describe("a page that is not there", () => {
  it("answers a browser with a page that leads on, and a program with JSON", async () => {
    const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
    const { answer, body } = await ask("/<b>elsewhere", { headers: browser });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(body).toContain('<a href="/">');
    expect(body).not.toContain("elsewhere");
    for (const accept of ["*/*", "application/json"]) {
      const program = await ask("/dashboard", { headers: { accept } });
      expect(program.answer.statusCode).toBe(404);
      expect(JSON.parse(program.body)).toHaveProperty("errors");
    }
  });
});

describe("health", () => {
  it.each([
    [{ phase: "running", degraded: [] }, 200, { status: "ready", reasons: [] }],
    [{ phase: "running", degraded: ["x"] }, 200, { status: "degraded", reasons: ["x"] }],
    [{ phase: "stopping", degraded: [] }, 503, { status: "stopping", reasons: [] }],
  ] as const)("%j", async (health, status, told) => {
    const { answer, body } = await ask("/readyz", { health });
    expect(answer.statusCode).toBe(status);
    expect(JSON.parse(body)).toEqual(told);
    expect((await ask("/healthz", { health })).answer.statusCode).toBe(200);
  });

  it("tells a page of another site nothing of what is wrong", async () => {
    const health = { phase: "running", degraded: ["the login for reg.test was refused"] } as const;
    const { body } = await ask("/readyz", { health, call: { foreign: { sentence: "no" } } });
    expect(JSON.parse(body)).toEqual({ status: "ready", reasons: [] });
  });
});

describe("a name that stands for one registry", () => {
  const ghcr = { name: nameOf("ghcr.io"), scheme: "https" as const };
  const hub = { name: nameOf("docker.io"), scheme: "https" as const };
  const virtualHosts = new Map([
    ["ghcr.example.com", ghcr],
    ["hub.example.com", hub],
  ]);
  const call = { isTls: true };
  const by = (host: string, target: string) =>
    ask(target, { host: `${host}:443`, call, virtualHosts });

  it("hands out nothing for dockerd's registry-mirrors, which are Docker Hub's", async () => {
    const { answer, body } = await by("ghcr.example.com", "/setup/docker-mirror");
    // curl -f shows no more of an error than its status.
    expect(answer.statusCode).toBe(200);
    const { status, stdout, stderr } = spawnSync("sh", [], { input: body, encoding: "utf8" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^entrepot: nothing was changed: this name stands for ghcr\.io.*\n$/);
    expect(body).not.toContain("daemon.json");
    expect((await by("ghcr.example.com", "/")).body).not.toContain("/setup/docker-mirror");
    expect((await by("hub.example.com", "/setup/docker-mirror")).answer.statusCode).toBe(200);
  });

  it("sets containerd up for that registry alone", async () => {
    const { body } = await by("ghcr.example.com", "/setup/containerd");
    expect(body).toContain("ghcr.io https://ghcr.io");
    expect(body).not.toMatch(/docker\.io|_default/);
  });

  it("shows an image by its own name, without another registry's in front", async () => {
    const { body } = await by("ghcr.example.com", "/");
    expect(textOf(body)).toContain("docker pull ghcr.example.com/OWNER/IMAGE:TAG");
    expect(body).not.toContain("ghcr.example.com/ghcr.io");
  });
});

describe("the page", () => {
  it("shows the fingerprint, this very host, and every set-up", async () => {
    const { answer, body } = await ask("/", { host: "cache.lan:3128" });
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(textOf(body)).toContain(authority.fingerprint);
    for (const name of [
      ...["docker", "docker-mirror", "containerd", "podman", "k3s", "kind", "buildkit", "trust"],
    ]) {
      const line = `curl -fsS http://cache.lan:3128/setup/${name} -o setup-entrepot.sh`;
      expect(textOf(body)).toContain(line);
    }
    expect(body).not.toMatch(/(?:src|href)="(?![/#])/);
  });

  it.each([
    ["cache.lan:8080", {}, "http://cache.lan:8080/setup/docker"],
    ["cache.lan", {}, "http://cache.lan:80/setup/docker"],
    ["cache.lan", { isDirect: false }, "http://cache.lan:3128/setup/docker"],
    ["cache.lan:8443", { isDirect: false, isTls: true }, "http://cache.lan:3128/setup/docker"],
    ["cache.lan:443", { isDirect: false, isTls: true }, "http://cache.lan:3128/setup/docker"],
    ["cache.lan:443", { isTls: true }, "https://cache.lan/setup/docker"],
    ["cache.lan:8443", { isTls: true }, "https://cache.lan:8443/setup/docker"],
    ["[fd00::1]:3128", {}, "http://[fd00::1]:3128/setup/docker"],
  ])("asked as %s %j gives %s", async (host, call, url) => {
    expect(textOf((await ask("/", { host, call })).body)).toContain(`curl -fsS ${url} -o`);
  });

  it.each([
    ["https://cache.corp.example", "cache.corp.example", "https://cache.corp.example", 3128],
    [
      "http://cache.corp.example:8080",
      "cache.corp.example",
      "http://cache.corp.example:8080",
      8080,
    ],
    ["https://cache.corp.example", "cache.lan:3128", "http://cache.lan:3128", 3128],
  ])("behind an ingress at %s, asked as %s, says %s and port %i for the proxy", async (...its) => {
    const [publicUrl, host, url, port] = its;
    const page = textOf((await ask("/", { host, publicUrl })).body);
    expect(page).toContain(`curl -fsS ${url}/setup/docker -o`);
    expect(page).toContain(`HTTPS_PROXY=http://${host.split(":")[0]}:${port}`);
    const script = (await ask("/setup/docker", { host, publicUrl })).body;
    expect(script).toContain(`curl -fsS ${url}/setup/docker -o`);
  });

  it.each(["$(id)", "a;b", "`id`", "a b", 'a"b', "a/b", "", "x".repeat(300)])(
    "a Host of %j is refused, not echoed",
    async (host) => {
      for (const path of ["/", "/setup/docker", "/setup/podman"]) {
        const { answer, body } = await ask(path, { host });
        expect(answer.statusCode).toBe(400);
        if (host !== "") expect(body).not.toContain(host);
      }
    },
  );
});

describe("macOS and Windows", () => {
  it.each(["macos", "windows"])("/setup/%s is a page of that alone", async (name) => {
    const { answer, body } = await ask(`/setup/${name}`);
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    const shown = [...body.matchAll(/<section class="client" id="([a-z]+)"/g)].map(([, id]) => id);
    expect(shown).toEqual([name]);
    expect(textOf(body)).toContain("http://cache.lan:3128");
  });

  it("PowerShell gets a script with the CA", async () => {
    const { answer, body } = await ask("/setup/windows.ps1");
    expect(answer.headers["content-type"]).toMatch(/^text\/plain;/);
    expect(body).toContain(`@'\n${root.trim()}\n'@`);
    expect(body).toContain("$proxy = 'http://cache.lan:3128'");
  });
});

describe("the scripts", () => {
  it.each([
    ["systemd", "docker"],
    ["skopeo", "podman"],
    ["buildah", "podman"],
  ])("/setup/%s is that of %s", async (alias, name) => {
    const { answer, body } = await ask(`/setup/${alias}`);
    expect(answer.statusCode).toBe(200);
    expect(body).toBe((await ask(`/setup/${name}`)).body);
  });

  it("are shown by a browser that follows a link to one", async () => {
    expect((await ask("/setup/docker")).answer.headers["content-type"]).toMatch(/^text\/plain;/);
  });

  it("set clients up for the usual registries and for those that were named", async () => {
    const registries = ["ghcr.io", "reg.lan:5000"].map((host) => ({
      name: canonicalRegistry(host) ?? ("" as never),
      scheme: "http" as const,
    }));
    const { body } = await ask("/setup/containerd", { registries });
    expect(body).toContain("\nquay.io https://quay.io\n");
    expect(body).toContain("\nreg.lan:5000 http://reg.lan:5000\n");
    expect(body.match(/^ghcr\.io .*$/gm)).toEqual(["ghcr.io http://ghcr.io"]);
  });
});

function nameOf(host: string): RegistryName {
  const name = canonicalRegistry(host);
  if (name === undefined) throw new TypeError(host);
  return name;
}

type Asked = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly registries?: readonly Registry[];
  readonly virtualHosts?: ReadonlyMap<string, Registry>;
  readonly method?: string;
  readonly host?: string;
  readonly health?: Health;
  readonly publicUrl?: string;
  readonly call?: Partial<OriginCall>;
};

/** One request to a front page behind a server of its own. */
async function ask(
  target: string,
  asking: Asked = {},
): Promise<{ answer: IncomingMessage; body: string }> {
  const { method = "GET", host = "cache.lan:3128", headers = {} } = asking;
  const { health, call, registries, virtualHosts, publicUrl } = asking;
  const page = new FrontPage({
    authority,
    registries,
    virtualHosts,
    publicUrl,
    proxyPort: () => 3128,
    health: () => health ?? { phase: "running", degraded: [] },
  });
  const server = createServer((request, response) => {
    const its: OriginCall = {
      target: request.url ?? "",
      host: parseHostPort(host, 80),
      client: "127.0.0.1",
      isTls: false,
      isDirect: true,
      foreign: undefined,
      ...call,
    };
    page.handle(request, response, its).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const to = { port: portOf(server), host: "127.0.0.1", path: target };
  const asked = httpRequest({ ...to, method, headers });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return { answer, body: await text(answer) };
}
