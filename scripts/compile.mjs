/**
 * Takes the types out of src into dist when src has changed since, so that a start runs plain
 * JavaScript: with types it would take 20 MiB more. Node does it alone, in about a second.
 */
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [source, target] = [join(root, "src"), join(root, "dist")];
const stamp = join(target, ".compiled-from");
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(source.length + 1))
  .sort();

function facts(path) {
  const { mtimeMs, size } = statSync(path);
  return `${path} ${mtimeMs} ${size}\n`;
}

function compiledFrom() {
  try {
    return readFileSync(stamp, "utf8");
  } catch {
    return ""; // never compiled
  }
}

/** `from "./x.ts"`, `import("./x.ts")` and `new URL("./x.ts", …)` name what stands there now. */
function plain(text) {
  return stripTypeScriptTypes(text).replace(/(["'])(\.{1,2}\/[^"'\n]+)\.ts\1/g, "$1$2.js$1");
}

function compile(into) {
  for (const file of files) {
    const to = join(into, file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(to), { recursive: true });
    const text = readFileSync(join(source, file), "utf8");
    if (/\.[tj]s$/.test(file))
      writeFileSync(to, plain(text), { mode: statSync(join(source, file)).mode });
    else cpSync(join(source, file), to);
  }
}

const own = fileURLToPath(import.meta.url);
const now = createHash("sha256")
  .update([own, ...files.map((file) => join(source, file))].map(facts).join("") + process.version)
  .digest("hex");
if (compiledFrom() !== now) {
  process.removeAllListeners("warning"); // it is called experimental
  const draft = `${target}.${process.pid}`;
  try {
    compile(draft);
    writeFileSync(join(draft, ".compiled-from"), now);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } catch (error) {
    if (compiledFrom() !== now) throw error; // another start was faster
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
