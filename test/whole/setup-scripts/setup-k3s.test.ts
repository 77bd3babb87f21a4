import { expect, it } from "vitest";
import { setupK3s } from "../../../src/doors/front-page/setup-k3s.ts";
import { image, itIsASetupScript, read, shell, write } from "./script-runner.ts";

itIsASetupScript(setupK3s);

const path = "etc/rancher/k3s/registries.yaml";

it("keeps somebody else's file, and shows what to add", async () => {
  const folder = await image();
  await write(folder, path, "# mine\n");
  await expect(shell(folder, setupK3s)).rejects.toThrow(/cache\.lan:3128[\s\S]*not ours/);
  expect(await read(folder, path)).toBe("# mine\n");
  await shell(folder, setupK3s, [], ["--undo"]);
  expect(await read(folder, path)).toBe("# mine\n");
});

it("names the mirror for each registry and for all others", async () => {
  const folder = await image();
  await shell(folder, setupK3s);
  for (const name of ["ghcr.io", "*"]) {
    expect(await read(folder, path)).toContain(
      `  "${name}":\n    endpoint:\n      - "http://cache.lan:3128"\n`,
    );
  }
});

it("writes for RKE2 where that is installed", async () => {
  const folder = await image();
  await write(folder, "etc/rancher/rke2/config.yaml", "");
  await shell(folder, setupK3s);
  expect(await read(folder, "etc/rancher/rke2/registries.yaml")).toContain("cache.lan:3128");
});

it("goes on to a plain HTTP registry itself, which k3s would try over TLS", async () => {
  const folder = await image();
  await shell(folder, setupK3s);
  expect(await read(folder, path)).toContain(
    '  "plain.example":\n    endpoint:\n      - "http://cache.lan:3128"\n      - "http://plain.example"\n',
  );
});
