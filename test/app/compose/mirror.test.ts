import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { composeMirror } from "../../../src/app/compose/mirror.ts";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { startFakeRegistry } from "../../support/fake-registry.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { composedOver } from "./composed.ts";

const bytes = Buffer.from("mirrored");

describe("CONFIG in the form of docker-registry-cache", () => {
  it("fetches what clients call by one name from where its variables say", async () => {
    const registry = await startFakeRegistry();
    const digest = registry.addBlob(bytes);
    const { get } = await openMirror({
      MIRROR_DEFAULT: "",
      CONFIG: JSON.stringify([
        "docker.io",
        {
          registry: "images.corp.example",
          variables: { REGISTRY_PROXY_REMOTEURL: registry.origin },
        },
      ]),
    });
    for (const path of [
      `/v2/images.corp.example/team/app/blobs/${digest}`,
      `/v2/team/app/blobs/${digest}?ns=images.corp.example`,
    ]) {
      expect(await (await get(path)).text()).toBe("mirrored");
    }
  });

  it("fetches what names of the mirror and its default stand for from there too", async () => {
    const registry = await startFakeRegistry();
    const digest = registry.addBlob(bytes);
    const { get } = await openMirror({
      MIRROR_DEFAULT: "images.corp.example",
      MIRROR_HOSTS: "images.lan=images.corp.example",
      CONFIG: JSON.stringify([
        "ghcr.io",
        {
          registry: "images.corp.example",
          variables: { REGISTRY_PROXY_REMOTEURL: registry.origin },
        },
      ]),
    });
    for (const host of ["images.lan", "mirror.example.com"]) {
      expect(await (await get(`/v2/team/app/blobs/${digest}`, host)).text()).toBe("mirrored");
    }
  });

  it("keeps Docker Hub's short names and prefixes of any host where Docker Hub comes from elsewhere", async () => {
    const registry = await startFakeRegistry();
    const digest = registry.addBlob(bytes);
    const { get } = await openMirror({
      MIRROR_DEFAULT: "",
      MIRROR_HOSTS: "hub.lan=docker.io",
      CONFIG: JSON.stringify([
        {
          registry: "registry-1.docker.io",
          variables: { REGISTRY_PROXY_REMOTEURL: registry.origin },
        },
      ]),
    });
    for (const [path, host] of [
      [`/v2/alpine/blobs/${digest}`],
      [`/v2/docker.io/alpine/blobs/${digest}`],
      [`/v2/alpine/blobs/${digest}?ns=docker.io`],
      [`/v2/alpine/blobs/${digest}`, "hub.lan"],
    ] as const) {
      expect(await (await get(path, host)).text()).toBe("mirrored");
    }
    const asked = registry.requests.map(({ url }) => url).filter((url) => /blobs/.test(url));
    expect(new Set(asked)).toEqual(new Set([`/v2/library/alpine/blobs/${digest}`]));
    const elsewhere = await get(`/v2/nobody.invalid/alpine/blobs/${digest}`);
    expect(await elsewhere.text()).toContain("nobody.invalid does not answer as a registry");
  });

  it("has its first entry as the default, with its login", async () => {
    const registry = await startFakeRegistry({
      auth: { kind: "basic", users: { bob: "CANARY-secret" } },
    });
    const digest = registry.addBlob(bytes);
    const { get } = await openMirror({
      MIRROR_DEFAULT: "",
      CONFIG: JSON.stringify([
        {
          registry: "images.corp.example",
          variables: {
            REGISTRY_PROXY_REMOTEURL: registry.origin,
            REGISTRY_PROXY_USERNAME: "bob",
            REGISTRY_PROXY_PASSWORD: "CANARY-secret",
          },
        },
      ]),
    });
    // A login never goes over plain HTTP: without it the registry refuses, and the mirror says 404.
    expect((await get(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
    expect(registry.requests.length).toBeGreaterThan(0);
  });
});

describe("a registry of REGISTRIES with http://", () => {
  it("is asked over plain HTTP, by path prefix, by ?ns= and by a name of its own", async () => {
    const registry = await startFakeRegistry();
    const digest = registry.addBlob(bytes);
    const { name } = registry.registry;
    const { get } = await openMirror({
      MIRROR_DEFAULT: "",
      MIRROR_HOSTS: `lab.example.com=${name}`,
      REGISTRIES: `http://${name}`,
    });
    for (const [path, host] of [
      [`/v2/${name}/team/app/blobs/${digest}`],
      [`/v2/team/app/blobs/${digest}?ns=${name}`],
      [`/v2/team/app/blobs/${digest}`, "lab.example.com"],
    ] as const) {
      expect(await (await get(path, host)).text()).toBe("mirrored");
    }
  });

  it("gets no login, not even one that a docker config.json has for it", async () => {
    const registry = await startFakeRegistry({
      auth: { kind: "basic", users: { bob: "CANARY-secret" } },
    });
    const digest = registry.addBlob(bytes);
    const { name } = registry.registry;
    const folder = await temporaryFolder();
    const auth = Buffer.from("bob:CANARY-secret").toString("base64");
    await writeFile(join(folder, "config.json"), JSON.stringify({ auths: { [name]: { auth } } }));
    const { get } = await openMirror({
      MIRROR_DEFAULT: "",
      REGISTRIES: `http://${name}`,
      DOCKER_CONFIG: folder,
    });
    expect((await get(`/v2/${name}/team/app/blobs/${digest}`)).status).toBe(404);
    expect(registry.requests.length).toBeGreaterThan(0);
    expect(registry.requests.filter(({ headers }) => headers.authorization)).toEqual([]);
  });
});

describe("names of the mirror", () => {
  it("stand for their registry", async () => {
    const registry = await startFakeRegistry();
    const digest = registry.addBlob(bytes);
    const { get } = await openMirror({
      MIRROR_DEFAULT: "",
      MIRROR_HOSTS: `lab.example.com=${registry.origin}`,
    });
    const answer = await get(`/v2/team/app/blobs/${digest}`, "lab.example.com");
    expect(await answer.text()).toBe("mirrored");
  });
});

/** Its `get` asks as a client that knows the mirror by this host. */
async function openMirror(environment: Readonly<Record<string, string>>) {
  const composed = await composedOver(environment);
  const mirror = composeMirror(
    composed.settings,
    composed.upstream,
    composed.engine,
    composed.log.door,
  );
  const server = createServer((request, response) => {
    const host = parseHostPort(String(request.headers["x-host"]), 80);
    const target = request.url ?? "/";
    const its = { isTls: false, isDirect: true, foreign: undefined };
    const call = { target, host, client: "127.0.0.1", ...its };
    mirror.handle(request, response, call).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const get = (path: string, host = "mirror.example.com") =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { "x-host": host } });
  return { ...composed, get };
}
