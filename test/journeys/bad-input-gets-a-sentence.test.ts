import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeRegistry, startFakeRegistry } from "../support/fake-registry.ts";
import { startSkopeo } from "./support/clients/containers-tools.ts";
import { Curl } from "./support/clients/curl.ts";
import { startDocker } from "./support/clients/docker.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { rawConnect } from "./support/raw-connect.ts";
import { spare } from "./support/upstream/look-alikes.ts";

describe("what cannot be answered is refused in words", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let untrusted: FakeRegistry;
  let curl: Curl;
  beforeAll(async () => {
    journey = await Journey.begin();
    untrusted = await startFakeRegistry({ tls: true, host: spare.address });
    untrusted.addManifest("acme/app", "1", { schemaVersion: 2, layers: [] });
    const { port } = untrusted.address;
    const REGISTRIES = `no-such-registry.invalid ${spare.host}:${port}`;
    entrepot = await journey.entrepot({ REGISTRIES });
    curl = new Curl({ folder: journey.folder, trust: entrepot.trust, proxy: entrepot.proxy });
  });
  afterAll(async () => {
    await journey?.end();
    await untrusted?.close();
  });

  /** Status and body of a GET through the proxy, or what curl says when there is no answer. */
  async function get(url: string): Promise<{ status: number; text: string }> {
    const { status, file, run } = await curl.get(url);
    const body = await readFile(file, "utf8").catch(() => "");
    return { status, text: `${body}${run.output}` };
  }

  it("a registry whose name does not resolve: 502 with the name and the reason", async () => {
    const { status, text } = await get("https://no-such-registry.invalid/v2/acme/app/manifests/1");
    expect(status).toBe(502);
    expect(JSON.parse(text.slice(0, text.lastIndexOf("}") + 1))).toMatchObject({
      errors: [{ message: expect.stringMatching(/no-such-registry\.invalid.*(ENOTFOUND|EAI_)/) }],
    });
  });

  it("a name that does not resolve and is no registry: 502 in the reason phrase", async () => {
    const answer = await rawConnect(entrepot.port, "no-such-host.invalid:443");
    expect(answer.status).toBe(502);
    expect(answer.reason).toMatch(/no-such-host\.invalid.*(ENOTFOUND|EAI_)/);
  });

  it("a registry with a certificate nobody signed for us: 502, and nothing is kept", async () => {
    const target = `${spare.host}:${untrusted.address.port}`;
    const answer = await rawConnect(entrepot.port, target);
    expect(answer.status).toBe(502);
    expect(answer.reason).toContain(target);
    expect(answer.reason).toMatch(/certificate|trust/i);
    expect(untrusted.requests).toEqual([]);
  });

  it.each([
    ["127.0.0.1:443", "UPSTREAM_ALLOW_ADDRESSES"],
    ["169.254.169.254:443", "UPSTREAM_ALLOW_ADDRESSES"],
    ["169.254.169.254:80", "UPSTREAM_ALLOW_ADDRESSES"],
    [`${spare.host}:25`, "TUNNEL_PORTS"],
    ["10.1.2.3:443", "REGISTRIES"],
  ])("CONNECT %s: 403 that names %s", async (target, setting) => {
    const answer = await rawConnect(entrepot.port, target);
    expect(answer.status).toBe(403);
    expect(answer.reason).toContain(setting);
    expect(answer.reason).toMatch(/^[\x20-\x7e]{1,160}$/);
    expect(answer.body).toContain(setting);
  });

  it("CONNECT to the proxy itself is never dialled", async () => {
    const answer = await rawConnect(entrepot.port, "localhost:25");
    expect(answer.status).toBe(403);
  });

  it.skipIf(!hasProgram("dockerd"))("dockerd prints the setting that would allow it", async () => {
    const docker = await journey.client(startDocker, entrepot.trust, entrepot.proxy);
    const pulled = await docker.pull("169.254.169.254/acme/app:1");
    expect(pulled.code).not.toBe(0);
    expect(pulled.output).toContain("UPSTREAM_ALLOW_ADDRESSES");
  });

  it.skipIf(!hasProgram("skopeo"))("skopeo prints it too", async () => {
    const skopeo = await journey.client(startSkopeo, entrepot.trust, entrepot.proxy);
    const pulled = await skopeo.pull(`${spare.host}:25/acme/app:1`);
    expect(pulled.code).not.toBe(0);
    expect(pulled.output).toContain("TUNNEL_PORTS");
  });

  it.each([
    ["a digest in capitals", `blobs/sha256:${"A".repeat(64)}`],
    ["a digest that is too short", "blobs/sha256:abc"],
    ["no digest at all", "blobs/abc"],
    ["a digest with a path in it", "blobs/sha256:..%2f..%2fetc%2fpasswd"],
    ["a name in capitals", "../UPPER/blobs/sha256:abc"],
    ["a tag with a slash", "manifests/a%2fb"],
  ])("%s: 400 or 404, and no file is touched", async (_, path) => {
    const before = await filesOf(entrepot);
    const url = `https://registry-1.docker.io/v2/library/alpine/${path}`;
    const { status } = await curl.get(url, "--path-as-is");
    expect([400, 404]).toContain(status);
    expect(await filesOf(entrepot)).toEqual(before);
  });
});

/** Without its databases, which have files that come and go as they are written. */
async function filesOf({ dataDir }: Entrepot): Promise<readonly string[]> {
  const all = await readdir(dataDir, { recursive: true });
  return all.filter((path) => !path.includes(".sqlite"));
}
