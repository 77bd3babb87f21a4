/** A registry that resets every connection is tried twice for each thing asked of it, not four times. */
import { beforeEach, describe, expect, it } from "vitest";
import { reset } from "../support/fake-registry/fault.ts";
import { viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let program: Program;
let registry: NamedRegistry;

beforeEach(async () => {
  const scene = await Scene.open();
  registry = await scene.registry("registry.test");
  program = await scene.start({ REGISTRIES: registry.name });
});

const get = (path: string) =>
  viaProxy(program, registry.name, path, { headers: { accept: manifestType } });

describe("a registry that resets", () => {
  it("every connection costs a blob's pull two of them", async () => {
    const image = addImage(registry.server, "team/app");
    registry.server.misbehave({ path: /\/blobs\// }, reset());
    expect((await get(`/v2/team/app/blobs/${image.layer}`)).status).toBe(502);
    expect(registry.server.count({ method: "GET", path: /\/blobs\// })).toBe(2);
  });

  it("every connection costs a tag's pull two of them", async () => {
    addImage(registry.server, "team/app");
    registry.server.misbehave({ path: /\/manifests\// }, reset());
    expect((await get("/v2/team/app/manifests/1")).status).toBe(502);
    expect(registry.server.count({ path: /\/manifests\// })).toBe(2);
  });

  it("one connection fails nobody's pull", async () => {
    const image = addImage(registry.server, "team/app");
    registry.server.misbehave({ path: /\/(?:blobs|manifests)\//, times: 1 }, reset());
    expect((await get("/v2/team/app/manifests/1")).status).toBe(200);
    registry.server.misbehave({ path: /\/blobs\//, times: 1 }, reset());
    expect((await get(`/v2/team/app/blobs/${image.layer}`)).body).toEqual(image.layerBytes);
  });
});
