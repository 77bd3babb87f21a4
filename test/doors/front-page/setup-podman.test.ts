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
