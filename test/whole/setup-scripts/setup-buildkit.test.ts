import { expect, it } from "vitest";
import { setupBuildkit } from "../../../src/doors/front-page/setup-buildkit.ts";
import { image, itIsASetupScript, read, shell, write } from "./script-runner.ts";

itIsASetupScript(setupBuildkit);

const path = "etc/buildkit/buildkitd.toml";

it("keeps somebody else's file, and shows what to add", async () => {
  const folder = await image();
  await write(folder, path, "# mine\n");
  await expect(shell(folder, setupBuildkit)).rejects.toThrow(/cache\.lan:3128[\s\S]*not ours/);
  expect(await read(folder, path)).toBe("# mine\n");
  await shell(folder, setupBuildkit, [], ["--undo"]);
  expect(await read(folder, path)).toBe("# mine\n");
});

it("names the mirror, and that it speaks plain HTTP", async () => {
  const folder = await image();
  await shell(folder, setupBuildkit);
  expect(await read(folder, path)).toContain('[registry."cache.lan:3128"]\n  http = true\n');
  expect(await read(folder, path)).toContain(
    '[registry."ghcr.io"]\n  mirrors = ["cache.lan:3128"]\n',
  );
});

it("says of a plain HTTP registry that it is one", async () => {
  const folder = await image();
  await shell(folder, setupBuildkit);
  expect(await read(folder, path)).toContain(
    '[registry."plain.example"]\n  mirrors = ["cache.lan:3128"]\n  http = true\n',
  );
});
