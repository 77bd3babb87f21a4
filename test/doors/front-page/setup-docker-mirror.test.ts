import { expect, it } from "vitest";
import { setupDockerMirror } from "../../../src/doors/front-page/setup-docker-mirror.ts";
import { printScript } from "../../../src/doors/front-page/setup-script.ts";
import {
  bash,
  facts,
  image,
  itIsASetupScript,
  read,
  shell,
  toolFolder,
  write,
} from "./script-runner.ts";

itIsASetupScript(setupDockerMirror);

const daemonJson = "etc/docker/daemon.json";

it.each([
  ["nothing", undefined, { "registry-mirrors": [facts.mirror] }],
  ["an empty file", "", { "registry-mirrors": [facts.mirror] }],
  [
    "other settings and another mirror",
    '{"log-level": "warn", "registry-mirrors": ["https://other.example"]}',
    { "log-level": "warn", "registry-mirrors": [facts.mirror, "https://other.example"] },
  ],
])("docker-mirror: merges with %s", async (_what, before, after) => {
  const folder = await image();
  if (before !== undefined) await write(folder, daemonJson, before);
  await shell(folder, setupDockerMirror);
  expect(JSON.parse(await read(folder, daemonJson))).toEqual(after);
  await shell(folder, setupDockerMirror, [], ["--undo"]);
  if (before?.startsWith("{") !== true) return;
  expect(JSON.parse(await read(folder, daemonJson))).toEqual(JSON.parse(before));
});

it.each([
  ["jq alone", ["jq"]],
  ["neither python3 nor jq", []],
])("docker-mirror: works with %s where there is no file yet", async (_what, tools) => {
  const folder = await image();
  const path = await toolFolder(["cat", "dirname", "mkdir", "chmod", "mv", "grep", "rm", ...tools]);
  const args = ["-s", "--", "--root", folder];
  await bash(printScript(setupDockerMirror, facts), args, path);
  expect(JSON.parse(await read(folder, daemonJson))).toEqual({
    "registry-mirrors": [facts.mirror],
  });
});

it("docker-mirror: leaves a broken daemon.json alone", async () => {
  const folder = await image();
  await write(folder, daemonJson, "{ broken");
  await expect(shell(folder, setupDockerMirror)).rejects.toThrow(/not valid JSON/);
  expect(await read(folder, daemonJson)).toBe("{ broken");
});
