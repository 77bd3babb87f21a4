/**
 * The program and every package it uses in a few files, its threads in one each, and the texts it
 * carries: what the single executable and the npm package are made of. What only some commands need
 * stays in files of its own, which are read when they are. The same sources give the same bytes.
 *
 *   node packaging/bundle.mjs FOLDER
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const threads = [
  "store/keyv/record-thread",
  "store/sqlite/pushed-thread",
  "hosted/password-thread",
];
const plots = ["uPlot.iife.min.js", "uPlot.min.css"];
const plotFolder = join(root, "node_modules/uplot/dist");

async function bundle(input, output) {
  const made = await rolldown({
    input: join(root, "dist", `${input}.js`),
    platform: "node",
    external: ["bun:sqlite"], // another engine's, and asked for only there
    onLog: (level, { code, message }) => {
      if (level === "warn") process.stderr.write(`${code}: ${message}\n`);
    },
  });
  await made.write({ format: "esm", minify: true, comments: false, ...output });
  await made.close();
}

/** Where the program looks for files of a package that is not installed beside it. */
const resolved = /import\.meta\.resolve\(["'`]uplot\/dist\/(uPlot[\w.]+)["'`]\)/g;

/** In ASCII, since V8 keeps a text of that in half the memory; and with those files beside it. */
function finished(text) {
  const escaped = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text
    .replace(/[\u0080-\uffff]/g, escaped)
    .replace(resolved, 'new URL("./$1",import.meta.url).href');
}

/** Which version this is, and from which commit and second. */
export function build() {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const git = (...args) => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  return {
    version,
    gitHead: git("rev-parse", "HEAD"),
    time: Number(git("log", "-1", "--format=%ct")),
  };
}

/** Makes the folder anew. */
export async function makeBundle(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync(process.execPath, [join(root, "scripts/compile.mjs")], { stdio: "inherit" });
  await bundle("app/main", { dir: folder, entryFileNames: "[name].js" });
  // Their files are read by a thread that has nothing else.
  for (const thread of threads)
    await bundle(thread, { file: join(folder, `${basename(thread)}.js`), codeSplitting: false });
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    writeFileSync(file, finished(readFileSync(file, "utf8")));
  }
  for (const name of plots) copyFileSync(join(plotFolder, name), join(folder, name));
  const { version, gitHead } = build();
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ version, gitHead })}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeBundle(process.argv[2]);
