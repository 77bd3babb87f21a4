import { expect, it } from "vitest";
import { setupDockerMirror } from "../../../src/doors/front-page/setup-docker-mirror.ts";
import { printScript } from "../../../src/doors/front-page/setup-script.ts";
import {
  bash,
  facts,
  filesBelow,
  image,
  itIsASetupScript,
  read,
  shell,
  toolFolder,
  write,
} from "./script-runner.ts";

itIsASetupScript(setupDockerMirror);

const daemonJson = "etc/docker/daemon.json";
const usual = ["cat", "cp", "dirname", "mkdir", "chmod", "mv", "grep", "rm", "sort"];

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
  '{"log-level":"warn"}',
  '{\n\t"registry-mirrors" : [ "https://a.example" ] }\n\n',
  "\n",
  "",
])("docker-mirror: --undo brings %j back byte for byte", async (before) => {
  const folder = await image();
  await write(folder, daemonJson, before);
  const paths = await filesBelow(folder);
  await shell(folder, setupDockerMirror);
  const another = { ...facts, mirror: "http://other.lan:3128" };
  await bash(printScript(setupDockerMirror, another), ["-s", "--", "--root", folder]);
  await shell(folder, setupDockerMirror, [], ["--undo"]);
  expect(await read(folder, daemonJson)).toBe(before);
  expect(await filesBelow(folder)).toEqual(paths);
});

it("docker-mirror: what somebody has added meanwhile stays when it is undone", async () => {
  const folder = await image();
  await write(folder, daemonJson, '{"log-level":"warn"}');
  await shell(folder, setupDockerMirror);
  const changed = { ...JSON.parse(await read(folder, daemonJson)), debug: true };
  await write(folder, daemonJson, JSON.stringify(changed));
  await shell(folder, setupDockerMirror);
  await shell(folder, setupDockerMirror, [], ["--undo"]);
  const left = JSON.parse(await read(folder, daemonJson));
  expect(left).toEqual({ "log-level": "warn", debug: true });
});

it.each([
  ["jq alone", ["jq"]],
  ["neither python3 nor jq", []],
])("docker-mirror: works with %s where there is no file yet", async (_what, tools) => {
  const folder = await image();
  const path = await toolFolder([...usual, ...tools]);
  const args = ["-s", "--", "--root", folder];
  await bash(printScript(setupDockerMirror, facts), args, path);
  expect(JSON.parse(await read(folder, daemonJson))).toEqual({
    "registry-mirrors": [facts.mirror],
  });
});

it.each([
  ["python3", undefined],
  ["jq", ["jq"]],
])("docker-mirror: takes null for no mirrors, as Docker does (%s)", async (_what, tools) => {
  const folder = await image();
  const path = tools && (await toolFolder([...usual, ...tools]));
  await write(folder, daemonJson, '{"registry-mirrors": null}');
  await bash(printScript(setupDockerMirror, facts), ["-s", "--", "--root", folder], path);
  expect(JSON.parse(await read(folder, daemonJson))).toEqual({
    "registry-mirrors": [facts.mirror],
  });
});

it.each(["[]", '{"registry-mirrors": "https://a.example"}', '{"registry-mirrors": [1]}', '"x"'])(
  "docker-mirror: leaves %s alone, and says so in a sentence",
  async (content) => {
    const folder = await image();
    await write(folder, daemonJson, content);
    await expect(shell(folder, setupDockerMirror)).rejects.toMatchObject({
      stderr: expect.not.stringContaining("Traceback"),
      message: expect.stringMatching(/nothing was changed/),
    });
    expect(await read(folder, daemonJson)).toBe(content);
  },
);

it("docker-mirror: leaves a broken daemon.json alone", async () => {
  const folder = await image();
  await write(folder, daemonJson, "{ broken");
  await expect(shell(folder, setupDockerMirror)).rejects.toThrow(/not valid JSON/);
  expect(await read(folder, daemonJson)).toBe("{ broken");
});

it.each([
  ["python3", undefined],
  ["jq", ["jq"]],
])(
  "docker-mirror: another mirror whose address begins like this one's is another (%s)",
  async (_what, tools) => {
    const folder = await image();
    const path = tools && (await toolFolder([...usual, ...tools]));
    const before = { "registry-mirrors": [`${facts.mirror}0`, `${facts.mirror}/hub`] };
    await write(folder, daemonJson, JSON.stringify(before));
    const run = (...options: string[]) =>
      bash(printScript(setupDockerMirror, facts), ["-s", "--", "--root", folder, ...options], path);
    await run();
    expect(JSON.parse(await read(folder, daemonJson))).toEqual({
      "registry-mirrors": [facts.mirror, ...before["registry-mirrors"]],
    });
    await run("--undo");
    expect(JSON.parse(await read(folder, daemonJson))).toEqual(before);
  },
);

it("docker-mirror: --undo from another name of the proxy takes out what was put in by the first", async () => {
  const folder = await image();
  await write(folder, daemonJson, '{"registry-mirrors": ["https://other.example"]}');
  await shell(folder, setupDockerMirror);
  const other = printScript(setupDockerMirror, { ...facts, mirror: "http://10.0.0.5:3128" });
  await bash(other, ["-s", "--", "--root", folder, "--undo"]);
  expect(JSON.parse(await read(folder, daemonJson))).toEqual({
    "registry-mirrors": ["https://other.example"],
  });
});

it.each([
  ["a file that has the mirror, with a slash", `{"registry-mirrors":["${facts.mirror}/"]}\n`],
  ["a file without mirrors, when undone", '{"log-level":"warn"}\n'],
])("docker-mirror: does not so much as reformat %s", async (what, content) => {
  const folder = await image();
  await write(folder, daemonJson, content);
  await shell(folder, setupDockerMirror, [], what.includes("undone") ? ["--undo"] : []);
  expect(await read(folder, daemonJson)).toBe(content);
});

it("docker-mirror: says which tools it lacks, and what to write by hand", async () => {
  const folder = await image();
  await write(folder, daemonJson, "{}");
  const script = printScript(setupDockerMirror, facts);
  const run = bash(script, ["-s", "--", "--root", folder], await toolFolder(usual));
  await expect(run).rejects.toThrow(/python3 or jq is needed.*by hand: add "registry-mirrors"/);
});

it.each([
  ["http://cache.lan:3128", "", true],
  ["http://cache.lan:3128", '{"insecure-registries": ["cache.lan:3128"]}', false],
  ["https://cache.lan", "", false],
])(
  "docker-mirror: docker build, which takes a mirror over TLS alone, and %s with %j",
  async (mirror, before, isTold) => {
    const folder = await image();
    await write(folder, daemonJson, before);
    const script = printScript(setupDockerMirror, { ...facts, mirror });
    const { stdout } = await bash(script, ["-s", "--", "--root", folder]);
    const line = "for 'docker build' add to /etc/docker/daemon.json: ";
    expect(stdout.includes(`${line}"insecure-registries": ["cache.lan:3128"]`)).toBe(isTold);
  },
);
