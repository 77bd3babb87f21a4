/** Real browsers, by names as people and attackers use them, and what pages in them get of the mirror. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EvilServer, evilServer } from "../whole/support/evil-server.ts";
import { addImage, manifestType } from "../whole/support/image.ts";
import { type NamedRegistry, type Program, Scene } from "../whole/support/program.ts";
import type { Browser } from "./support/browsers/browser.ts";
import { openChromium } from "./support/browsers/chromium.ts";
import { openFirefox } from "./support/browsers/firefox.ts";

const names = ["entrepot.lan", "entrepot.registry.svc", "rebound.evil.example", "evil.example"];
const strangers = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end("<title>a stranger's page</title>");
});

let scene: Scene;
let program: Program;
let lent: NamedRegistry;
let evil: EvilServer;

beforeAll(async () => {
  strangers.listen(0, "127.0.0.1");
  await once(strangers, "listening");
  scene = await Scene.open();
  lent = await scene.registry("lent.test", {
    auth: (origin) => ({
      ...{ kind: "bearer" as const, realm: `${origin}/token`, users: { alice: "CANARY-alice" } },
      members: { "corp/secret": ["alice"] },
    }),
  });
  for (const name of ["corp/secret", "corp/open"]) addImage(lent.server, name);
  evil = await evilServer(scene, "evil.test");
  evil.answer = (request, response) => {
    const isPing = request.url === "/v2/";
    response.writeHead(200, {
      "content-type": isPing ? "application/json" : "text/html",
      "docker-distribution-api-version": "registry/2.0",
      "access-control-allow-origin": "*",
      "content-security-policy": "script-src 'unsafe-inline'",
    });
    response.end(isPing ? "{}" : "<title>x</title><script>document.title = 'pwned'</script>");
  };
  program = await scene.start({
    REGISTRIES: evil.name,
    AUTH_REGISTRIES: `${lent.name}:alice:CANARY-alice`,
  });
});

afterAll(async () => {
  strangers.close();
  strangers.closeAllConnections();
  evil.close();
  await scene.close();
});

it("Node's fetch has what clients have", async () => {
  const url = `http://127.0.0.1:${program.port}/v2/${lent.name}/corp/secret/manifests/1`;
  expect((await fetch(url, { headers: { accept: manifestType } })).status).toBe(200);
});

describe("Java", () => {
  it("has what clients have, by its URLConnection", async () => {
    const url = `http://127.0.0.1:${program.port}/v2/${lent.name}/corp/secret/manifests/1`;
    expect(await java(["plain", url])).toEqual(["200", "200", "200"]);
  });

  it.each(["TLSv1.2", "TLSv1.3"])(
    "is answered whenever it resumes a session of %s",
    async (version) => {
      const url = `https://${lent.name}/v2/corp/open/manifests/1`;
      const ca = join(program.dataDir, "ca", "ca.crt");
      const answers = await java(["proxy", url, String(program.port), ca, version]);
      expect(answers).toEqual(["401", "401", "401"]);
    },
  );
});

async function java(words: readonly string[]): Promise<string[]> {
  const file = join(import.meta.dirname, "support", "clients", "Get.java");
  const { stdout } = await promisify(execFile)("java", [file, ...words]);
  return stdout.trim().split("\n");
}

describe.each([
  ["Chromium", () => openChromium()],
  ["Firefox", () => openFirefox(names)],
])("in %s", (_name, open) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await open();
  });
  afterAll(() => browser.close());

  const at = (host: string): string => `http://${host}:${program.port}`;
  const manifest = (repository: string): string => `/v2/${lent.name}/${repository}/manifests/1`;
  const statusOf = (url: string): Promise<unknown> =>
    browser.run(
      `fetch("${url}", { headers: { accept: "${manifestType}" } })
        .then((answer) => answer.status, (error) => String(error))`,
    );

  it.each(["entrepot.lan", "entrepot.registry.svc", "127.0.0.1", "localhost"])(
    "a page of the proxy's own has what its clients have, by %s",
    async (host) => {
      await browser.open(`${at(host)}/`);
      expect(await browser.run("document.title")).toContain("Entrepot");
      expect(await browser.run("document.body.innerText")).not.toContain("PUBLIC_URL");
      await browser.open(`${at(host)}/healthz`);
      expect(await statusOf(manifest("corp/secret"))).toBe(200);
    },
  );

  it("a page under a name that was rebound has public images alone", async () => {
    // The attacker's page came from the same name and port before that led here: no policy holds it.
    await browser.open(`${at("rebound.evil.example")}/healthz`);
    expect(await statusOf(manifest("corp/secret"))).toBe(403);
    expect(await statusOf(manifest("corp/open"))).toBe(200);
    await browser.open(`${at("rebound.evil.example")}/`);
    const text = await browser.run("document.body.innerText");
    expect(text).toContain("PUBLIC_URL=https://rebound.evil.example");
  });

  it("a page of another site reads nothing", async () => {
    const { port } = strangers.address() as AddressInfo;
    await browser.open(`http://evil.example:${port}/`);
    for (const repository of ["corp/secret", "corp/open"]) {
      const url = at("entrepot.lan") + manifest(repository);
      expect(await browser.run(`fetch("${url}").catch((error) => error.name)`)).toBe("TypeError");
      const blind = `fetch("${url}", { mode: "no-cors" })
        .then(async (answer) => answer.type + (await answer.text()), () => "opaque")`;
      expect(await browser.run(blind)).toBe("opaque");
    }
  });

  it("a page of another site pushes nothing", async () => {
    const { port } = strangers.address() as AddressInfo;
    await browser.open(`http://evil.example:${port}/`);
    const url = `${at("entrepot.lan")}/v2/${lent.name}/corp/open/blobs/uploads/`;
    const before = lent.server.requests.length;
    await browser.run(
      `fetch("${url}", { method: "POST", mode: "no-cors", body: "x" }).then(() => 1, () => 0)`,
    );
    const posts = lent.server.requests.slice(before).filter(({ method }) => method === "POST");
    expect(posts).toEqual([]);
  });

  it.each(["manifests/x.html", "tags/list", "odd/x.html"])(
    "a stranger's page runs no script under the mirror's own name: %s",
    async (path) => {
      await browser.open(`${at("entrepot.lan")}/`);
      await browser
        .open(`${at("entrepot.lan")}/v2/${evil.name}/a/b/${path}`)
        .catch(() => undefined);
      expect(await browser.run("document.title").catch(() => "")).not.toBe("pwned");
    },
  );
});
