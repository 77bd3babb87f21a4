/** A registry that takes connections and then says nothing: what is kept of it is served within seconds. */
import { beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { holdHeaders } from "../support/fake-registry/fault.ts";
import { type Answer, viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let program: Program;
let registry: NamedRegistry;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  addImage(registry.server, "team/app");
  program = await scene.start({ REGISTRIES: registry.name });
});

async function pull(accept = manifestType): Promise<Answer & { readonly seconds: number }> {
  const started = performance.now();
  const path = "/v2/team/app/manifests/1";
  const answer = await viaProxy(program, registry.name, path, { headers: { accept } });
  return { ...answer, seconds: (performance.now() - started) / 1_000 };
}

describe("a tag whose registry has fallen silent", () => {
  it("is served stale within seconds, also while it is still asked behind the clients' backs", async () => {
    await pull();
    registry.server.misbehave({}, holdHeaders());
    // The pause after a failure is over, and a question from before is still under way.
    for (const later of [20_000, 6_000, 6_000]) {
      scene.aheadMs += later;
      const { seconds, status, headers } = await pull();
      expect([status, headers["cache-status"]]).toEqual([200, expect.stringContaining("stale")]);
      expect(seconds).toBeLessThan(10);
    }
  }, 60_000);

  it("is served stale within seconds, though somebody with nothing to fall back on waits for it", async () => {
    await pull();
    scene.aheadMs += 20_000;
    const silence = holdHeaders();
    registry.server.misbehave({}, silence);
    const patient = pull("application/vnd.docker.distribution.manifest.v2+json");
    await silence.gate.reached;
    const { seconds, headers } = await pull();
    expect(headers["cache-status"]).toContain("stale");
    expect(seconds).toBeLessThan(10);
    silence.gate.open();
    await patient;
  }, 60_000);

  it("that has moved is served stale within seconds, when only its new body does not come", async () => {
    const before = await pull();
    addImage(registry.server, "team/app");
    scene.aheadMs += 20_000;
    const silence = holdHeaders();
    registry.server.misbehave({ method: "GET" }, silence);
    const { seconds, body, headers } = await pull();
    expect(headers["cache-status"]).toContain("stale");
    expect(body.equals(before.body)).toBe(true);
    expect(seconds).toBeLessThan(10);
    silence.gate.open();
    registry.server.behave();
    // It is brought in behind the client's back.
    await eventually(async () => {
      scene.aheadMs += 6_000;
      return !(await pull()).body.equals(before.body);
    });
  }, 60_000);
});
