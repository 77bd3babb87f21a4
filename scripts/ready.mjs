/**
 * Makes node_modules hold what package-lock.json says and what is about to be done needs: to start,
 * of the packages of the program what Node reads; with `--dev`, all of them and those of tests and checks too. Does nothing when that is
 * so already; `--compile` compiles src into dist too, and `--installed` says that somebody else just installed all of them. Runs on the machine's
 * own Node (20 or later) before any package is there.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { trim } from "./trim.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}node_modules/.installed-for`;
const lock = createHash("sha256")
  .update(readFileSync(`${root}package-lock.json`))
  .digest("hex");
const all = `${lock} dev`;
const [major, minor] = process.versions.node.split(".").map(Number);
const isNodeNewEnough = major > 24 || (major === 24 && minor >= 7);

function installedFor() {
  try {
    return readFileSync(stamp, "utf8");
  } catch {
    return ""; // never installed
  }
}

function install(kind, what, omitted) {
  process.stderr.write(`Installing ${what} (first start, or package-lock.json changed) …\n`);
  const quiet = ["--loglevel=error", "--no-audit", "--no-fund"];
  execFileSync("npm", ["ci", ...omitted, ...quiet], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    // npm would leave development packages out of its own accord.
    env: { ...process.env, NODE_ENV: "" },
  });
  if (kind !== all) trim(`${root}node_modules`);
  writeFileSync(stamp, kind);
}

if (process.argv.includes("--installed")) {
  writeFileSync(stamp, all);
} else if (process.argv.includes("--dev")) {
  if (installedFor() !== all)
    install(all, "packages, with those of tests and checks", [
      "--include=dev",
      "--include=optional",
    ]);
} else if (installedFor().split(" ")[0] !== lock) {
  const ownNode = isNodeNewEnough ? ["--omit=optional"] : ["--include=optional"];
  install(`${lock} start`, isNodeNewEnough ? "packages" : "packages and Node.js", [
    "--omit=dev",
    ...ownNode,
  ]);
}

/** The Node that is there now: the machine's may be too old, and a shell would go on with it. */
function newestNode() {
  const own = `${root}node_modules/.bin/node`;
  if (!existsSync(own)) return process.execPath;
  // What the system's loader ends with when a library is missing.
  if (spawnSync(own, ["--version"]).status !== 127) return own;
  process.stderr.write(
    "Node.js 26 needs the library libatomic, which is not here. Type: apt-get install libatomic1 (dnf install libatomic)\n",
  );
  return process.exit(1);
}

if (process.argv.includes("--compile")) {
  execFileSync(newestNode(), [`${root}scripts/compile.mjs`], { stdio: "inherit" });
}
