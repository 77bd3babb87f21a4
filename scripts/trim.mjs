/**
 * Takes out of installed packages what Node never reads, which is most of them: typings, source maps and
 * sources, C headers, tests and papers, and builds that are for bundlers and browsers. Licences stay. Only
 * for packages that nobody develops with; runs on Node 20, before any package is there.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join, posix } from "node:path";

/** Node takes no types in packages, and nobody compiles against its headers here. */
const neverRead =
  /\.(?:[cm]?tsx?|map|flow|tsbuildinfo|md|markdown|h|hh|hpp|gypi?|swf)$|^\.(?:eslint|nyc|npmignore|gitattributes)/i;
const licence = /^(?:licen[cs]e|notice|copying|copyright)/i;
const papers = new Set([
  ...["test", "tests", "__tests__", "benchmark", "benchmarks", "bench"],
  ...["example", "examples", "docs", ".github"],
]);
/** Conditions of `exports` and fields of package.json that mean something to others than Node. */
const ofOthers =
  /^(?:types.*|browser|react-native|worker.*|deno|bun|esnext|es2015|module|jsnext:main|typings|unpkg|jsdelivr)$/;

/** Every package below this node_modules, those of packages too. */
export function trim(nodeModules) {
  for (const entry of readdirSync(nodeModules, { withFileTypes: true })) {
    const path = join(nodeModules, entry.name);
    if (!entry.isDirectory()) continue;
    if (entry.name.startsWith("@")) trim(path);
    else if (existsSync(join(path, "package.json"))) trimPackage(path);
  }
}

function trimPackage(root) {
  const { files, folders } = contentsOf(root);
  if (folders.has("node_modules")) trim(join(root, "node_modules"));
  const surplus = surplusFolders(root, files, folders);
  for (const file of files) {
    const name = posix.basename(file);
    if (
      surplus.some((folder) => file.startsWith(`${folder}/`))
        ? !licence.test(name)
        : isSurplus(name)
    )
      rmSync(join(root, file));
  }
  // A folder comes before those in it.
  for (const folder of [...folders].reverse())
    if (readdirSync(join(root, folder)).length === 0) rmdirSync(join(root, folder));
}

function isSurplus(name) {
  return neverRead.test(name) && !licence.test(name);
}

/** Paths from the package's own folder; what is in packages of its own is left out. */
function contentsOf(root) {
  const [files, folders] = [[], new Set()];
  const visit = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (!entry.isDirectory()) files.push(path);
      else {
        folders.add(path);
        if (entry.name !== "node_modules") visit(path);
      }
    }
  };
  visit("");
  return { files, folders };
}

/** Those that package.json has for others than Node, and none of which any other file asks for. */
function surplusFolders(root, files, folders) {
  const { read, unread } = mentioned(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const isRead = (folder) =>
    read.some((path) => path === "" || `${path}/`.startsWith(`${folder}/`));
  let surplus = [...unread.flatMap(foldersOf), ...papers].filter(
    (folder) => folders.has(folder) && !isRead(folder),
  );
  for (;;) {
    const isIn = (path) => surplus.find((folder) => path.startsWith(`${folder}/`));
    const code = files.filter((file) => /\.[cm]?js$/.test(file) && isIn(file) === undefined);
    const asked = new Set(
      surplus.length === 0 ? [] : code.flatMap((file) => asks(root, file)).map(isIn),
    );
    const left = surplus.filter((folder) => !asked.has(folder));
    if (left.length === surplus.length) return surplus;
    surplus = left;
  }
}

/** Where the file looks for others beside it. */
function asks(root, file) {
  const named = readFileSync(join(root, file), "utf8").matchAll(/["'](\.{1,2}\/[^"'\n]*)["']/g);
  return [...named].map(([, name]) => `${posix.join(posix.dirname(file), name)}/`);
}

/** The paths that package.json names, by whether Node goes by them; a pattern counts up to its star. */
function mentioned({ main = "index.js", bin = {}, exports = {}, imports = {}, ...fields }) {
  const [read, unread] = [[], []];
  const collect = (value, list) => {
    if (typeof value === "string") list.push(value.replace(/^\.\//, "").replace(/\/?\*.*$/, ""));
    if (typeof value !== "object" || value === null) return;
    const keys = Object.keys(value);
    for (const [index, key] of keys.entries()) {
      // Node takes the first condition that holds, and this one does.
      const isAfterNode = keys.slice(0, index).includes("node");
      collect(value[key], isAfterNode || ofOthers.test(key) ? unread : list);
    }
  };
  for (const each of [main, bin, exports, imports]) collect(each, read);
  for (const [key, each] of Object.entries(fields)) if (ofOthers.test(key)) collect(each, unread);
  return { read, unread };
}

/** `a/b/c.js` lies in `a` and in `a/b`. */
function foldersOf(path) {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
