/** Tags that are pulled all the time: confirmed before anybody has to wait, and gently. */
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { direct } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { Scene } from "./support/program.ts";

it("are confirmed behind the clients' backs, one a second, and others are not", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const busy = ["team/a", "team/b", "team/c", "team/d"];
  for (const repository of [...busy, "team/quiet"]) addImage(server, repository);
  const program = await scene.start({ REGISTRIES: name, TAG_TTL: "10 s" });
  const pull = async (repository: string): Promise<unknown> => {
    const path = `/v2/${name}/${repository}/manifests/1`;
    const { headers } = await direct(program, path, { headers: { accept: manifestType } });
    return headers["cache-status"];
  };
  for (const repository of [...busy, ...busy, "team/quiet"]) await pull(repository);
  const asked = () => server.count({ method: "HEAD", path: /manifests\/1$/ });
  const before = asked();
  const started = performance.now();
  scene.aheadMs += 8_000;
  await eventually(() => asked() === before + busy.length);
  // The first may have come at once, and then there was a second before each.
  expect(performance.now() - started).toBeGreaterThan(2_900);
  for (const repository of busy) expect(await pull(repository)).toContain("hit");
  expect(server.count({ method: "HEAD", path: /quiet/ })).toBe(1);
  expect(asked()).toBe(before + busy.length);
}, 30_000);
