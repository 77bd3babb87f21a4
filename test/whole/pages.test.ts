/** A page in a browser, and what it can do to a proxy that its user may use. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/page-text.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let program: Program;
let lent: NamedRegistry;
let evil: EvilServer;
let secret: Image;
let open: Image;

beforeAll(async () => {
  scene = await Scene.open();
  lent = await scene.registry("lent.test", {
    auth: (origin) => ({
      ...{ kind: "bearer" as const, realm: `${origin}/token`, users: { alice: "CANARY-alice" } },
      members: { "corp/secret": ["alice"] },
    }),
  });
  secret = addImage(lent.server, "corp/secret");
  open = addImage(lent.server, "corp/open");
  evil = await evilServer(scene, "evil.test");
  evil.answer = (request, response) => {
    const isPing = request.url === "/v2/";
    const isError = request.url?.includes("error") === true;
    response.writeHead(isError ? 400 : 200, {
      "content-type": isPing ? "application/json" : "text/html",
      "docker-distribution-api-version": "registry/2.0",
      "access-control-allow-origin": "*",
      "content-security-policy": "script-src 'unsafe-inline'",
      "set-cookie": "session=stolen",
      refresh: "0; url=https://evil.test/",
      "strict-transport-security": "max-age=31536000",
      "clear-site-data": '"*"',
      "docker-ratelimit-source": "192.0.2.1",
    });
    response.end(isPing ? "{}" : "<script>document.title = 'pwned'</script>");
  };
  program = await scene.start({
    REGISTRIES: evil.name,
    AUTH_REGISTRIES: `${lent.name}:alice:CANARY-alice`,
    MIRROR_HOSTS: `hub.corp.example=${lent.name} mirror.corp.example`,
    PUBLIC_URL: "https://public.example.com/",
    ALLOW_PUSH: "true",
  });
}, 60_000);

afterAll(async () => {
  evil.close();
  await scene.close();
});

type Fields = Readonly<Record<string, string>>;

function manifestOf(image: Image, fields: Fields = {}): Promise<Answer> {
  const path = `/v2/${lent.name}/${image.repository}/manifests/1`;
  return direct(program, path, { headers: { accept: manifestType, ...fields } });
}

const nobodys = { "sec-fetch-mode": "navigate", "user-agent": "containerd/2.0" };

describe("a private image at the mirror", () => {
  it.each([
    ["by an IP literal", { host: "192.0.2.7:3128" }],
    ["by an IPv6 literal", { host: "[2001:db8::1]:3128" }],
    ["by localhost", { host: "localhost:3128" }],
    ["by a single label", { host: "entrepot:3128" }],
    ["by a LAN name", { host: "entrepot.lan:3128" }],
    ["by a cluster's service name", { host: "entrepot.registry.svc:3128" }],
    ["by a cluster's whole service name", { host: "entrepot.registry.svc.cluster.local:3128" }],
    ["by the name in PUBLIC_URL", { host: "public.example.com" }],
    ["by a bare name in MIRROR_HOSTS", { host: "mirror.corp.example" }],
    ["by Node's fetch", { host: "entrepot:3128", "sec-fetch-mode": "cors" }],
    ["by Java's URLConnection", { host: "entrepot:3128", accept: `text/html, ${manifestType}` }],
    [
      "by a page of its own",
      { host: "entrepot:3128", origin: "http://entrepot:3128", "sec-fetch-site": "same-origin" },
    ],
    [
      "by a page of its own whose TLS an ingress ends",
      { host: "public.example.com", origin: "https://public.example.com" },
    ],
    ["by somebody who typed its address", { host: "entrepot:3128", "sec-fetch-site": "none" }],
  ])("is given out %s", async (_how, fields) => {
    expect(await manifestOf(secret, fields)).toMatchObject({ status: 200 });
  });

  it.each([
    ["by a name that was rebound", { host: "rebound.evil.example:3128", ...nobodys }],
    ["by a name with an underscore", { host: "re_bound.evil.example:3128" }],
    ["by a public suffix that looks like a LAN", { host: "entrepot.lan.evil.example" }],
    ["to a page of another site", { host: "entrepot:3128", "sec-fetch-site": "cross-site" }],
    ["to a page of a sibling", { host: "entrepot:3128", "sec-fetch-site": "same-site" }],
    ["to a page of another origin", { host: "entrepot:3128", origin: "https://evil.example" }],
    ["to a page on another port", { host: "entrepot:3128", origin: "http://entrepot:8080" }],
    ["to a page without an origin", { host: "entrepot:3128", origin: "null" }],
  ])("is not given out %s", async (_how, fields) => {
    await manifestOf(secret, { host: "entrepot" });
    const refused = await manifestOf(secret, fields);
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body.toString()).errors[0].message).toMatch(/PUBLIC_URL|Host field/);
    expect(await manifestOf(open, fields)).toMatchObject({ status: 200 });
  });

  it("is not given out to a login that a browser adds by itself", async () => {
    const authorization = `Basic ${Buffer.from("alice:CANARY-alice").toString("base64")}`;
    const fields = { host: "rebound.evil.example:3128", authorization };
    expect(await manifestOf(secret, fields)).toMatchObject({ status: 403 });
  });

  it("is warned of once for each name", async () => {
    for (const _ of [1, 2]) await manifestOf(open, { host: "once.evil.example" });
    const isWarning = (line: string) =>
      line.includes("once.evil.example") && line.includes("PUBLIC_URL");
    await eventually(() => expect(program.lines.filter(isWarning)).toHaveLength(1));
  });
});

it.each(["POST", "PUT", "PATCH", "DELETE"])("a page of another site cannot %s", async (method) => {
  const path = `/v2/${lent.name}/corp/open/blobs/uploads/`;
  const headers = { host: "entrepot:3128", origin: "https://evil.example" };
  const answer = await direct(program, path, { method, headers });
  expect(answer).toMatchObject({ status: 403 });
});

it.each(["POST", "PUT", "DELETE"])(
  "a page of another site cannot %s where the registry asks nobody for a login",
  async (method) => {
    const path = `/v2/${evil.name}/a/b/${method === "POST" ? "blobs/uploads/" : "manifests/1"}`;
    const headers = { host: "entrepot:3128", origin: "https://evil.example" };
    expect(await direct(program, path, { method, headers })).toMatchObject({ status: 403 });
    const own = { host: "entrepot:3128" };
    expect(await direct(program, path, { method, headers: own })).toMatchObject({ status: 200 });
  },
);

describe("at the proxy door", () => {
  it.each([
    { "sec-fetch-site": "cross-site" },
    { origin: "https://evil.example" },
    // People may put pages on a registry's own host, and another site may frame them.
    { "sec-fetch-site": "same-origin" },
  ])("a page with %o has nothing that is shared", async (fields) => {
    const path = (image: Image) => `/v2/${image.repository}/manifests/1`;
    const token = await viaProxy(
      program,
      lent.name,
      "/token?service=fake&scope=repository:corp/secret:pull",
      {},
    );
    const { token: shared } = JSON.parse(token.body.toString()) as { token: string };
    const authorization = `Bearer ${shared}`;
    const get = (image: Image, more: Fields) =>
      viaProxy(program, lent.name, path(image), {
        headers: { accept: manifestType, authorization, ...more },
      });
    expect(await get(secret, {})).toMatchObject({ status: 200 });
    expect((await get(secret, fields)).status).not.toBe(200);
    expect(await get(open, fields)).toMatchObject({ status: 200 });
  });
});

const digest = `sha256:${"a".repeat(64)}`;

describe("what a stranger's registry says under the mirror's own name", () => {
  it.each([
    "manifests/x.html",
    `blobs/${digest}`,
    "tags/list",
    `referrers/${digest}`,
    "manifests/error",
    "odd/thing.html",
  ])("is no page: %s", async (path) => {
    const { headers } = await direct(program, `/v2/${evil.name}/a/b/${path}`);
    expect(headers["content-type"]).not.toMatch(/html|xml|script/);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; frame-ancestors 'none'",
      // Else a page of another site learns from a prefetch, an image or an object whether it is there.
      "cross-origin-resource-policy": "same-origin",
    });
    for (const name of [
      "access-control-allow-origin",
      "set-cookie",
      "refresh",
      "strict-transport-security",
      "clear-site-data",
      "docker-ratelimit-source",
    ]) {
      expect([name, headers[name]]).toEqual([name, undefined]);
    }
  });

  it("keeps its fields at the proxy door", async () => {
    const { headers } = await viaProxy(program, evil.name, "/v2/a/b/manifests/error");
    expect(headers["access-control-allow-origin"]).toBe("*");
  });
});

it("a name of MIRROR_HOSTS hands out set-ups for its registry alone", async () => {
  const headers = { host: "hub.corp.example:3128" };
  const page = await direct(program, "/", { headers });
  expect(textOf(page.body.toString())).toContain(
    "docker pull hub.corp.example:3128/OWNER/IMAGE:TAG",
  );
  const containerd = await direct(program, "/setup/containerd", { headers });
  expect(containerd.body.toString()).toContain(`${lent.name} https://${lent.name}`);
  expect(containerd.body.toString()).not.toContain("quay.io");
  const docker = await direct(program, "/setup/docker-mirror", { headers });
  expect(docker.body.toString()).toMatch(/nothing was changed: [\s\S]*\nexit 1\n$/);
});

describe("the front page", () => {
  const page = (host: string) => direct(program, "/", { headers: { host } });

  it("says what to set when it is asked by a public name", async () => {
    const { body } = await page("cache.example.org:3128");
    expect(body.toString()).toContain("PUBLIC_URL=https://cache.example.org");
  });

  it.each(["entrepot:3128", "192.0.2.7:3128", "public.example.com"])(
    "says nothing of it by %s",
    async (host) => {
      expect((await page(host)).body.toString()).not.toContain("PUBLIC_URL");
    },
  );
});
