/** Images pushed to Entrepot itself: what goes in comes out again, at every door. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { converse, dial, viaProxy } from "./support/client.ts";
import { codeOf, HostedClient, messageOf, newImage } from "./support/hosted.ts";
import { addImage } from "./support/image.ts";
import { Scene } from "./support/program.ts";

const host = "registry.lan";
const open = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };

async function openRegistry(settings: Readonly<Record<string, string>> = {}) {
  const scene = await Scene.open();
  const program = await scene.start({ ...open, ...settings });
  return { scene, program, client: new HostedClient(program, host) };
}

describe("an image that was pushed", () => {
  it("pulls by tag and by digest, also after a restart", async () => {
    const { scene, program, client } = await openRegistry();
    const image = newImage();
    const pushed = await client.push("team/app", "1.0", image);
    expect([pushed.status, pushed.headers["docker-content-digest"]]).toEqual([201, image.digest]);
    await program.stop();
    const again = new HostedClient(await scene.start(open), host);
    for (const reference of ["1.0", image.digest]) {
      const { status, body } = await again.get(`/v2/team/app/manifests/${reference}`);
      expect([status, body]).toEqual([200, image.manifest]);
    }
    const blob = await again.get(`/v2/team/app/blobs/${image.layerDigest}`);
    expect([blob.status, blob.body]).toEqual([200, image.layer]);
    expect(blob.headers["cache-status"]).toBeUndefined();
  });

  it("leaves one line in the log that says who changed what", async () => {
    const { program, client } = await openRegistry();
    const image = newImage();
    await client.push("team/app", "1.0", image);
    await client.delete("/v2/team/app/manifests/1.0");
    const audit = () =>
      program.lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === "pushed" || msg === "deleted");
    const about = { repository: "team/app", reference: "1.0", digest: image.digest };
    await eventually(() => {
      expect(audit()).toMatchObject([
        { msg: "pushed", what: "tag", ...about, client: "127.0.0.1" },
        { msg: "deleted", what: "tag", ...about },
      ]);
    });
  });

  it("stays although CACHE_MAX_SIZE is less, and pushes nothing out of the cache, also after a restart", async () => {
    const scene = await Scene.open();
    const { name, server } = await scene.registry("elsewhere.test");
    const [old, recent] = [addImage(server, "team/app"), addImage(server, "team/app")];
    const settings = { ...open, REGISTRIES: name, CACHE_MAX_SIZE: "1 MiB" };
    const before = await scene.start(settings);
    const pathOf = ({ layer }: { readonly layer: string }) => `/v2/team/app/blobs/${layer}`;
    const image = newImage({}, 3 * 1024 * 1024);
    await new HostedClient(before, host).push("team/large", "1", image);
    await viaProxy(before, name, pathOf(old));
    await viaProxy(before, name, pathOf(recent));
    await before.stop();

    const program = await scene.start(settings);
    await viaProxy(program, name, pathOf(recent));
    const filler = addImage(server, "team/app", { layerBytes: Buffer.alloc(600_000, 1) });
    await viaProxy(program, name, pathOf(filler));
    await eventually(() => program.lines.some((line) => line.includes('"msg":"made room"')));
    const asked = server.requests.length;
    for (const kept of [recent, filler]) {
      const { headers } = await viaProxy(program, name, pathOf(kept));
      expect(headers["cache-status"]).toContain("hit");
    }
    expect(server.requests.slice(asked).filter(({ method }) => method === "GET")).toEqual([]);
    const client = new HostedClient(program, host);
    const large = await client.get(`/v2/team/large/blobs/${image.layerDigest}`);
    expect(large.body.equals(image.layer)).toBe(true);
  });
});

describe("a hosted name", () => {
  it("is answered in this process behind CONNECT, over TLS and plain, also with ALLOW_PUSH=false", async () => {
    const { program, client } = await openRegistry({ ALLOW_PUSH: "false" });
    const image = newImage();
    await client.push("foo/bar", "tag", image);
    const path = "/v2/foo/bar/manifests/tag";
    expect((await viaProxy(program, `${host}:443`, path)).body).toEqual(image.manifest);
    const body = Buffer.from("{}");
    const upload = `/v2/foo/bar/blobs/uploads/?digest=${digestOf(body)}`;
    const pushed = await viaProxy(program, `${host}:443`, upload, { method: "POST", body });
    expect(pushed.status).toBe(201);
    const connect = `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}:80\r\n\r\n`;
    const plain = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const answer = await converse(await dial(program.port), connect + plain);
    expect(answer).toContain(image.digest);
    const absolute = `GET http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    expect(await converse(await dial(program.port), absolute)).toContain(image.digest);
  });

  it("with a port is meant with that port alone, wherever we listen", async () => {
    const named = `${host}:5000`;
    const { program } = await openRegistry({ HOSTED_HOSTS: named });
    const image = newImage();
    await new HostedClient(program, named).push("a", "1", image);
    const path = "/v2/a/manifests/1";
    expect((await viaProxy(program, named, path)).body).toEqual(image.manifest);
    const other = await new HostedClient(program, `${host}:5001`).get(path);
    expect([other.status, other.headers["docker-content-digest"]]).not.toEqual([200, image.digest]);
  });

  it("that says which registry it means is a mirror", async () => {
    const { client } = await openRegistry();
    expect((await client.get("/v2/a/manifests/1?ns=gone.test")).status).toBe(404);
    await client.push("a", "1", newImage());
    expect((await client.get("/v2/a/manifests/1?ns=gone.test")).status).toBe(404);
  });

  it("is offered to no dockerd as a mirror of Docker Hub, unless it has a port of its own", async () => {
    const { program, client } = await openRegistry({ HOSTED_HOSTS: `${host} other.lan:5000` });
    const script = "/setup/docker-mirror";
    const refused = await client.get(script);
    expect(refused.body.toString()).toMatch(/no mirror of Docker Hub[\s\S]*\nexit 1\n$/);
    expect((await client.get("/")).body.toString()).not.toContain(script);
    const other = new HostedClient(program, "other.lan:3128");
    expect((await other.get(script)).status).toBe(200);
    expect((await other.get("/")).body.toString()).toContain(script);
  });

  it("cannot be a mirror's too", async () => {
    const scene = await Scene.open();
    const both = { ...open, MIRROR_HOSTS: `${host}=docker.io` };
    await expect(scene.start(both)).rejects.toThrow(/registry\.lan.*HOSTED_HOSTS.*MIRROR_HOSTS/);
  });
});

describe("two worlds over one store of bytes", () => {
  it("a private layer in the cache is no layer of ours: HEAD, mount and manifest do not see it", async () => {
    const scene = await Scene.open();
    const { name, server } = await scene.registry("elsewhere.test");
    const cached = addImage(server, "secret/app");
    const program = await scene.start({ ...open, REGISTRIES: name });
    await viaProxy(program, name, `/v2/secret/app/blobs/${cached.layer}`);
    const client = new HostedClient(program, host);
    expect((await client.head(`/v2/mine/blobs/${cached.layer}`)).status).toBe(404);
    expect((await client.get(`/v2/mine/blobs/${cached.layer}`)).status).toBe(404);
    for (const from of ["", "&from=secret/app"]) {
      const mount = await client.post(`/v2/mine/blobs/uploads/?mount=${cached.layer}${from}`);
      expect(mount.status).toBe(202);
    }
    const { manifest } = newImage({
      layers: [{ mediaType: "application/x", digest: cached.layer, size: 1 }],
    });
    await client.pushBlob("mine", Buffer.from("{}"));
    const put = await client.pushManifest("mine", "1", manifest);
    expect([put.status, codeOf(put)]).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
  });

  it("what was pushed here is nothing the cache may give as somebody else's", async () => {
    const scene = await Scene.open();
    const { name, server } = await scene.registry("elsewhere.test");
    const program = await scene.start({ ...open, REGISTRIES: name });
    const client = new HostedClient(program, host);
    const image = newImage();
    await client.push("mine", "1", image);
    const asked = await viaProxy(program, name, `/v2/mine/blobs/${image.layerDigest}`);
    expect(asked.status).toBe(404);
    expect(server.requests.length).toBeGreaterThan(0);
  });

  it("a layer that is cached and pushed lies on the disk once", async () => {
    const scene = await Scene.open();
    const { name, server } = await scene.registry("elsewhere.test");
    const bytes = Buffer.from("a layer of both worlds");
    const digest = server.addBlob(bytes);
    const program = await scene.start({ ...open, REGISTRIES: name });
    await viaProxy(program, name, `/v2/team/app/blobs/${digest}`);
    await new HostedClient(program, host).pushBlob("mine", bytes);
    const files = await readdir(join(program.dataDir, "blobs"), { recursive: true });
    const hex = digest.slice(7);
    expect(files.filter((file) => file.includes(hex))).toHaveLength(1);
  });

  it("a layer of one hosted repository is none of another until it is mounted there", async () => {
    const { client } = await openRegistry();
    const { layer, layerDigest } = newImage();
    await client.pushBlob("one", layer);
    expect((await client.head(`/v2/two/blobs/${layerDigest}`)).status).toBe(404);
    const mount = await client.post(`/v2/two/blobs/uploads/?mount=${layerDigest}&from=one`);
    expect(mount.status).toBe(201);
    expect((await client.head(`/v2/two/blobs/${layerDigest}`)).status).toBe(200);
  });
});

describe("bytes that went bad", () => {
  it("are set aside and reported, and the next push heals the image", async () => {
    const { scene, program, client } = await openRegistry();
    const image = newImage({}, 200_000);
    await client.push("a", "1", image);
    await program.stop();
    const hex = image.layerDigest.slice(7);
    const path = join(program.dataDir, "blobs/sha256", hex.slice(0, 2), `${hex}.200000`);
    const bytes = await readFile(path);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await rm(join(program.dataDir, "clean"));
    const again = await scene.start(open);
    const after = new HostedClient(again, host);
    const blob = `/v2/a/blobs/${image.layerDigest}`;
    await expect(after.get(blob)).rejects.toThrow();
    expect((await after.head(blob)).status).toBe(404);
    const isTold = (line: string) => line.includes("set a pushed blob with wrong bytes aside");
    await eventually(() => again.lines.some(isTold));
    await after.pushBlob("a", image.layer);
    expect((await after.get(blob)).body.equals(image.layer)).toBe(true);
  });

  it("of a manifest are no image's after a clean stop either, and the next push heals it", async () => {
    const { scene, program, client } = await openRegistry();
    const image = newImage();
    await client.push("a", "1", image);
    await program.stop();
    const hex = image.digest.slice(7);
    const file = `${hex}.${image.manifest.length}`;
    const path = join(program.dataDir, "blobs/sha256", hex.slice(0, 2), file);
    const bytes = await readFile(path);
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const again = await scene.start(open);
    const after = new HostedClient(again, host);
    for (const reference of ["1", image.digest, "1"]) {
      expect((await after.get(`/v2/a/manifests/${reference}`)).status).toBe(404);
    }
    const isTold = (line: string) => line.includes("set a pushed blob with wrong bytes aside");
    await eventually(() => again.lines.some(isTold));
    await after.push("a", "1", image);
    expect((await after.get("/v2/a/manifests/1")).body).toEqual(image.manifest);
  });

  it.each([
    ["no database", (path: string) => writeFile(path, "no database at all, but long enough")],
    ["empty", (path: string) => writeFile(path, "")],
    ["gone", (path: string) => rm(path)],
  ])("of the records, %s, stop the start, and nothing says to remove them", async (_, spoil) => {
    const { scene, program, client } = await openRegistry();
    await client.push("a", "1", newImage());
    await program.stop();
    await spoil(join(program.dataDir, "hosted.sqlite"));
    for (const settings of [open, {}]) {
      const error: unknown = await scene.start(settings).catch((cause: unknown) => cause);
      expect(String(error)).toMatch(/hosted\.sqlite (?:cannot be read|is gone).*backup/);
      expect(String(error)).not.toMatch(/remov|delet/);
    }
  });
});

describe("deleting", () => {
  it("a tag leaves the image and its other tags; a digest takes its tags along", async () => {
    const { client } = await openRegistry();
    const image = newImage();
    await client.push("a", "one", image);
    await client.pushManifest("a", "two", image.manifest);
    expect((await client.delete("/v2/a/manifests/one")).status).toBe(202);
    expect((await client.get("/v2/a/manifests/one")).status).toBe(404);
    expect((await client.get("/v2/a/manifests/two")).status).toBe(200);
    expect((await client.delete(`/v2/a/manifests/${image.digest}`)).status).toBe(202);
    expect((await client.get("/v2/a/manifests/two")).status).toBe(404);
    expect((await client.get("/v2/a/tags/list")).body.toString()).toBe('{"name":"a","tags":[]}');
  });

  it("a blob that a manifest needs is refused with the manifest's name", async () => {
    const { client } = await openRegistry();
    const image = newImage();
    await client.push("a", "1", image);
    const refused = await client.delete(`/v2/a/blobs/${image.layerDigest}`);
    expect([refused.status, messageOf(refused)]).toEqual([
      405,
      expect.stringContaining(image.digest),
    ]);
    await client.delete(`/v2/a/manifests/${image.digest}`);
    expect((await client.delete(`/v2/a/blobs/${image.layerDigest}`)).status).toBe(202);
    expect((await client.head(`/v2/a/blobs/${image.layerDigest}`)).status).toBe(404);
  });

  it("the first copy strands no other", async () => {
    const { client } = await openRegistry();
    const image = newImage();
    await client.push("one", "1", image);
    await client.push("two", "1", image);
    await client.delete(`/v2/one/manifests/${image.digest}`);
    await client.delete(`/v2/one/blobs/${image.layerDigest}`);
    const blob = await client.get(`/v2/two/blobs/${image.layerDigest}`);
    expect(blob.body.equals(image.layer)).toBe(true);
  });
});

describe("lists", () => {
  it("come in pages of at most a thousand, and a larger page is not refused", async () => {
    const { client } = await openRegistry();
    const image = newImage();
    await client.push("a", "0", image);
    const tags = Array.from({ length: 1_200 }, (_, index) => `t${String(index).padStart(4, "0")}`);
    for (let start = 0; start < tags.length; start += 100) {
      const query = tags.slice(start, start + 100).map((tag) => `tag=${tag}`);
      await client.pushManifest("a", `${image.digest}?${query.join("&")}`, image.manifest);
    }
    const first = await client.get("/v2/a/tags/list?n=100000");
    expect(JSON.parse(first.body.toString()).tags).toHaveLength(1_000);
    const link = /<([^>]+)>; rel="next"/.exec(String(first.headers.link))?.[1] ?? "";
    const second = await client.get(link);
    expect(JSON.parse(second.body.toString()).tags).toHaveLength(201);
    expect(second.headers.link).toBeUndefined();
    expect((await client.get("/v2/a/tags/list?n=x")).status).toBe(400);
    const catalog = await client.get("/v2/_catalog?n=5");
    expect(JSON.parse(catalog.body.toString())).toEqual({ repositories: ["a"] });
  });
});
