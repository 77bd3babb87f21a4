/** The operator's login goes with what we print ourselves from a route of the registry API, and nothing else. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, secretsIn } from "./support/evil-server.ts";
import { type Program, Scene } from "./support/program.ts";

const digest = `sha256:${"ab".repeat(32)}`;

let scene: Scene;
/** Speaks Basic, and has a web site of its own beside the registry. */
let site: EvilServer;
let program: Program;

beforeAll(async () => {
  scene = await Scene.open();
  site = await evilServer(scene, "reg.test");
  site.answer = (request, response) => {
    if (request.headers.authorization !== undefined) {
      const fields = { "content-type": "application/json", "access-control-allow-origin": "*" };
      response.writeHead(200, fields).end('{"repositories":["secret/app"]}');
    } else response.writeHead(401, { "www-authenticate": 'Basic realm="reg"' }).end("{}");
  };
  program = await scene.start({ AUTH_REGISTRIES: `${site.name}:robot:CANARY-robot` });
  await viaProxy(program, site.name, "/v2/team/app/tags/list");
  expect(secretsIn(site.heard).length).toBeGreaterThan(0);
  return async () => {
    await scene.close();
    site.close();
  };
});

beforeEach(() => {
  site.heard.length = 0;
});

/** By CONNECT, by path prefix and by namespace; only what begins with /v2 goes to a mirror. */
async function ask(path: string, asked: Parameters<typeof direct>[2] = {}) {
  const by = [await viaProxy(program, site.name, path, asked)];
  if (path.startsWith("/v2/")) {
    by.push(await direct(program, `/v2/${site.name}${path.slice(3)}`, asked));
    const mark = path.includes("?") ? "&" : "?";
    by.push(await direct(program, `${path}${mark}ns=${site.name}`, asked));
  }
  return by;
}

describe("a client without a login gets nothing but the registry API with the operator's", () => {
  it.each([
    "/v2/..%2fadmin/users",
    "/v2/..%2Fadmin/users",
    "/v2/%2e%2e%2fadmin/users",
    "/v2/%2e%2e/admin/users",
    "/v2/x/..%2f..%2fadmin/users",
    "/v2/x/..%2f..%2f..%2fadmin/tags/list",
    "/v2/..;/service/users",
    "/v2/..;a=b/service/users",
    "/v2/%2e%2e;/service/users",
    "/v2/x;/../../service/users",
    "/v2/..%5cadmin/users",
    "/v2/..%255cadmin/users",
    "/v2/..%252fadmin/users",
    "/v2/x%2f..%2f..%2fadmin%2fmanifests/latest",
    `/v2/a/blobs/uploads/..%2f..%2f..%2f..%2fadmin`,
    "/v2/a/blobs/uploads/../../../../admin",
    "/v2/a/blobs/uploads/..;/..;/..;/..;/admin",
    "/v2/_zot/ext/search?query={}",
    "/v2/_oci/ext/discover",
    "/v2/acr/v1/_catalog",
    "/acr/v1/_catalog",
    "/api/v2.0/users",
    "/service/rest/v1/security/users",
    "/artifactory/api/docker/r/v2/app/manifests/1",
    "/v1/search?q=x",
    "/admin/users",
  ])("GET %s", async (path) => {
    await ask(path);
    await ask(path, { method: "HEAD" });
    const withLogin = secretsIn(site.heard);
    expect(withLogin.filter((text) => !/^(?:GET|HEAD) \/v2\/ /.test(text))).toEqual([]);
  });

  it.each([
    ["POST", "/v2/team/app/blobs/uploads/"],
    ["PUT", "/v2/team/app/manifests/1"],
    ["PATCH", "/v2/team/app/blobs/uploads/1"],
    ["DELETE", `/v2/team/app/manifests/${digest}`],
    ["DELETE", `/v2/team/app/blobs/${digest}`],
    ["GET", "/v2/team/app/blobs/uploads/1"],
  ])("%s %s", async (method, path) => {
    await ask(path, { method });
    expect(secretsIn(site.heard)).toEqual([]);
  });

  it("and no field or query that makes another request of it", async () => {
    const headers = {
      ...{ "x-http-method-override": "DELETE", "x-http-method": "DELETE" },
      ...{ "x-method-override": "DELETE", "x-original-url": "/admin", "x-rewrite-url": "/admin" },
      ...{ "x-forwarded-prefix": "/admin", "x-forwarded-for": "127.0.0.1", cookie: "a=b" },
      ...{ forwarded: "for=127.0.0.1", referer: "https://evil.test/" },
      ...{ "content-type": "application/json", "x-anything": "else", accept: "application/json" },
      ...{ "user-agent": "containerd/2.0", "if-none-match": '"x"' },
    };
    const paths = ["tags/list?_method=DELETE&n=5", "manifests/1?_method=DELETE", `blobs/${digest}`];
    for (const path of [
      ...paths,
      "tags/list?%5fmethod=DELETE&n=5",
      `referrers/${digest}?_method=PUT`,
    ])
      await ask(`/v2/team/app/${path}`, { headers });
    await ask("/v2/_catalog?_method=DELETE&n=7", { headers });
    const withLogin = secretsIn(site.heard);
    expect(withLogin.length).toBeGreaterThan(4);
    const allowed =
      /^(?:accept|accept-encoding|range|if-.*|user-agent|host|connection|authorization)$/i;
    for (const text of withLogin) {
      expect(text).not.toMatch(/_method|DELETE|\/admin|%5f/i);
      const [, ...fields] = text.split(" ").slice(2).join(" ").split("\n");
      const names = [text.split(" ")[2]?.split("\n")[0] ?? "", ...fields].filter(
        (_, at) => at % 2 === 0,
      );
      expect(names.filter((name) => !allowed.test(name))).toEqual([]);
    }
    expect(withLogin.some((text) => text.startsWith("GET /v2/team/app/tags/list?n=5 "))).toBe(true);
    expect(withLogin.some((text) => text.startsWith("GET /v2/_catalog?n=7 "))).toBe(true);
    expect(withLogin.join()).toContain("containerd/2.0");
  });
});

describe("a page of another site", () => {
  it.each(["/v2/_catalog", "/v2/team/app/tags/list", "/v2/team/app/manifests/1"])(
    "reads nothing that was got with the operator's login from %s",
    async (path) => {
      const answers = await ask(path, { headers: { origin: "https://evil.test" } });
      const allowed = answers.map(({ headers }) => headers["access-control-allow-origin"]);
      expect(allowed).toEqual([undefined, undefined, undefined]);
    },
  );

  it("still reads what its own login opens, by the proxy", async () => {
    const headers = { origin: "https://ui.test", authorization: "Basic YTpi" };
    const answer = await viaProxy(program, site.name, "/v2/_catalog", { headers });
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
    const mirrored = await direct(program, `/v2/_catalog?ns=${site.name}`, { headers });
    expect(mirrored.headers["access-control-allow-origin"]).toBeUndefined();
  });
});
