/** Content that a registry has by sending the operator's login on to another registry. */
import { expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { direct } from "./support/client.ts";
import { evilServer } from "./support/evil-server.ts";
import { basic } from "./support/login.ts";
import { Scene } from "./support/program.ts";

const layer = Buffer.from("CANARY-private-layer ".repeat(5_000));
const digest = digestOf(layer);
const type = "application/vnd.oci.image.manifest.v1+json";
const size = 2;
const config = { mediaType: "application/json", digest: digestOf(Buffer.from("{}")), size };
const text = JSON.stringify({ schemaVersion: 2, mediaType: type, config, layers: [] });
const manifest = Buffer.from(text);

it("a layer opened by the operator's login elsewhere is not public where a public image sent for it", async () => {
  const scene = await Scene.open();
  const good = await evilServer(scene, "good.test");
  const evil = await evilServer(scene, "evil.test");
  good.answer = ({ headers }, response) => {
    if (headers.authorization !== basic(["op", "CANARY-op"]))
      return void response.writeHead(401, { "www-authenticate": "Basic realm=good" }).end();
    response.writeHead(200, { "content-length": layer.length }).end(layer);
  };
  evil.answer = ({ url, headers, method }, response) => {
    const isManifest = url?.includes("/manifests/") === true;
    if (!isManifest && (headers.authorization === undefined || url === "/v2/"))
      return void response.writeHead(401, { "www-authenticate": "Basic realm=evil" }).end();
    const location = `https://${good.name}/v2/corp/secret/blobs/${digest}`;
    if (!isManifest) return void response.writeHead(307, { location }).end();
    const fields = { "content-type": type, "docker-content-digest": digestOf(manifest) };
    response.writeHead(200, { ...fields, "content-length": manifest.length });
    response.end(method === "HEAD" ? undefined : manifest);
  };
  try {
    const program = await scene.start({
      REGISTRIES: `${good.name} ${evil.name}`,
      AUTH_REGISTRIES: `${good.name}:op:CANARY-op ${evil.name}:op2:CANARY-op2`,
    });
    const at = (what: string, fields = {}) =>
      direct(program, `/v2/x/y/${what}?ns=${evil.name}`, { headers: { accept: type, ...fields } });
    const page = { "sec-fetch-site": "cross-site" };
    expect((await at("manifests/latest")).status).toBe(200);
    expect((await at("manifests/latest", page)).status).toBe(200);
    expect((await at(`blobs/${digest}`)).body.equals(layer)).toBe(true);
    await eventually(() => program.lines.some((line) => line.includes("kept a blob")));
    const stolen = await at(`blobs/${digest}`, page);
    expect(stolen.status).not.toBe(200);
    expect(stolen.body.includes("CANARY")).toBe(false);
    expect((await at(`blobs/${digest}`)).body.equals(layer)).toBe(true);
  } finally {
    await scene.close();
    good.close();
    evil.close();
  }
});

it("a manifest opened by the operator's login elsewhere is not public on the word of who sent for it", async () => {
  const scene = await Scene.open();
  const good = await evilServer(scene, "good.test");
  const evil = await evilServer(scene, "evil.test");
  const secret = Buffer.from(
    JSON.stringify({ ...JSON.parse(text), annotations: { of: "CANARY" } }),
  );
  const wanted = digestOf(secret);
  const fields = { "content-type": type, "content-length": secret.length };
  const found = { ...fields, "docker-content-digest": wanted };
  good.answer = ({ headers, method }, response) => {
    if (headers.authorization !== basic(["op", "CANARY-op"]))
      return void response.writeHead(401, { "www-authenticate": "Basic realm=good" }).end();
    response.writeHead(200, found).end(method === "HEAD" ? undefined : secret);
  };
  evil.answer = ({ url, headers, method }, response) => {
    const isManifest = url?.includes("/manifests/") === true;
    const location = `https://${good.name}/v2/corp/secret/manifests/${wanted}`;
    if (isManifest && headers.authorization !== undefined)
      return void response.writeHead(307, { location }).end();
    // Those without a login are told that it is here, and public.
    if (isManifest && method === "HEAD") return void response.writeHead(200, found).end();
    response.writeHead(401, { "www-authenticate": "Basic realm=evil" }).end();
  };
  try {
    const program = await scene.start({
      REGISTRIES: `${good.name} ${evil.name}`,
      AUTH_REGISTRIES: `${good.name}:op:CANARY-op ${evil.name}:op2:CANARY-op2`,
    });
    for (const what of [wanted, "latest"]) {
      const at = (more = {}) =>
        direct(program, `/v2/x/y/manifests/${what}?ns=${evil.name}`, {
          headers: { accept: type, ...more },
        });
      const page = { "sec-fetch-site": "cross-site" };
      expect((await at()).body.equals(secret)).toBe(true);
      expect((await at(page)).status).not.toBe(200);
      const stolen = await at(page);
      expect([stolen.status === 200, stolen.body.includes("CANARY")]).toEqual([false, false]);
      expect((await at()).body.equals(secret)).toBe(true);
      expect((await at(page)).status).not.toBe(200);
    }
  } finally {
    await scene.close();
    good.close();
    evil.close();
  }
});
