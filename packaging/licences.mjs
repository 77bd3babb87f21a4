/** What the licences of everything inside ask to be passed on: one text, for every form of a release. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const named = /^(?:licen[cs]e|copying|notice)/i;

/** Folders of the packages that come with the program, by package-lock.json; Node's own is not among them. */
export function shippedPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(([path, { dev, optional, peer }]) => path !== "" && !(dev || optional || peer))
    .filter(([path]) => existsSync(join(root, path, "package.json")))
    .map(([path, { version, license }]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      return { path, name, version, license: license ?? "unknown" };
    })
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

function textsIn(folder) {
  const files = readdirSync(folder, { withFileTypes: true });
  return files
    .filter((entry) => entry.isFile() && named.test(entry.name))
    .map(({ name }) => readFileSync(join(folder, name), "utf8").trim())
    .sort();
}

export function licences() {
  const own = `Entrepot\n\n${readFileSync(join(root, "LICENSE"), "utf8").trim()}`;
  const node = `Node.js ${process.versions.node} (in the single executable): MIT, and the licences in
https://github.com/nodejs/node/blob/v${process.versions.node}/LICENSE`;
  const others = shippedPackages().map(({ path, name, version, license }) =>
    [`${name} ${version}: ${license}`, ...textsIn(join(root, path))].join("\n\n"),
  );
  return `${[own, node, ...new Set(others)].join(`\n\n${"-".repeat(78)}\n\n`)}\n`;
}
