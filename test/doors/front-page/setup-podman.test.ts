import { expect, it } from "vitest";
import { setupPodman } from "../../../src/doors/front-page/setup-podman.ts";
import { image, itIsASetupScript, read, shell } from "./script-runner.ts";

itIsASetupScript(setupPodman);

it("names a mirror by path prefix for each registry", async () => {
  const folder = await image();
  await shell(folder, setupPodman);
  expect(await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf")).toContain(
    'location = "cache.lan:3128/ghcr.io"\ninsecure = true\n',
  );
});

it("leaves a registry with a port out: podman would take the mirror's name for no reference at all", async () => {
  const folder = await image();
  await shell(folder, setupPodman);
  const written = await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf");
  expect(written).toContain("# lab.example:5000 is pulled directly");
  expect(written).not.toMatch(/^[^#]*lab\.example/m);
});

it("reaches a plain HTTP registry without TLS when the mirror is gone", async () => {
  const folder = await image();
  await shell(folder, setupPodman);
  expect(await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf")).toContain(
    'location = "plain.example"\ninsecure = true\n[[registry.mirror]]\nlocation = "cache.lan:3128/plain.example"\n',
  );
});
