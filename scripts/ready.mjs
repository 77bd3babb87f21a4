/**
 * Makes node_modules match package-lock.json, and does nothing when it already does; `--installed`
 * says that somebody else just did. Runs on the machine's own Node (20 or later) before any package
 * is there.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}node_modules/.installed-for`;
const wanted = createHash("sha256")
  .update(readFileSync(`${root}package-lock.json`))
  .digest("hex");

function installedFor() {
  try {
    return readFileSync(stamp, "utf8");
  } catch {
    return undefined; // never installed
  }
}

if (process.argv.includes("--installed")) {
  writeFileSync(stamp, wanted);
} else if (installedFor() !== wanted) {
  process.stderr.write("Installing packages (first start, or package-lock.json changed) …\n");
  execFileSync("npm", ["ci", "--include=dev", "--loglevel=error", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  writeFileSync(stamp, wanted);
}
