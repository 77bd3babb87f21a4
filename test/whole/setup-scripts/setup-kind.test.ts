import { execFile } from "node:child_process";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { setupKind } from "../../../src/doors/front-page/setup-kind.ts";
import { printScript } from "../../../src/doors/front-page/setup-script.ts";
import { bash, facts, image, read, write } from "./script-runner.ts";

/** A machine with two clusters, whose nodes are folders: what is run in one runs below its own. */
async function machine() {
  const folder = await image();
  const tools = {
    kind: `case "$1 $2" in
  "get clusters") echo one; echo two ;;
  "get nodes") echo "$4-control-plane"; echo "$4-worker" ;;
esac`,
    docker: `node=${folder}/nodes/$3; mkdir -p $node; shift 3; exec "$@" --root $node`,
  };
  for (const [name, body] of Object.entries(tools)) {
    await write(folder, `bin/${name}`, `#!/bin/sh\n${body}\n`);
    await chmod(join(folder, `bin/${name}`), 0o755);
  }
  const run = (options: readonly string[], its = facts) =>
    bash(
      printScript(setupKind, its),
      ["-s", "--", ...options],
      `${folder}/bin:${process.env.PATH ?? ""}`,
    );
  return { folder, run };
}

const path = "etc/containerd/certs.d/ghcr.io/hosts.toml";

it("kind: each node of every cluster is set up, and set back", async () => {
  const { folder, run } = await machine();
  await run([]);
  for (const node of ["one-control-plane", "one-worker", "two-control-plane", "two-worker"]) {
    expect(await read(folder, `nodes/${node}/${path}`)).toContain("http://cache.lan:3128");
  }
  await run(["--undo"]);
  await expect(read(folder, `nodes/one-worker/${path}`)).rejects.toThrow(/ENOENT/);
});

it("kind: one cluster alone", async () => {
  const { folder, run } = await machine();
  await run(["--cluster=two"]);
  expect(await read(folder, `nodes/two-worker/${path}`)).toContain("cache.lan");
  await expect(read(folder, `nodes/one-worker/${path}`)).rejects.toThrow(/ENOENT/);
});

it("kind: an address that means the node itself in there is refused", async () => {
  const { run } = await machine();
  const mirror = "http://127.0.0.1:3128";
  await expect(run([], { ...facts, proxy: "127.0.0.1:3128", mirror })).rejects.toThrow(
    /the node itself: fetch this script by another address/,
  );
});

it("kind: what is in it is sound bash", async () => {
  const child = promisify(execFile)("bash", ["-n"]);
  child.child.stdin?.end(printScript(setupKind, facts));
  await child;
});
