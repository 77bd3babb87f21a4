/** The npm package: the bundle, which needs no other package, and so brings no install script along. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

export function makeNpmPackage({ bundle, work, release, copyright }) {
  const folder = join(work, "npm");
  const code = join(folder, "dist/app");
  mkdirSync(code, { recursive: true });
  cpSync(bundle, code, { recursive: true });
  // The package's own says the same, and that these are modules.
  rmSync(join(code, "package.json"));
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { version, gitHead } = build();
  const { name, description, license, type, bin } = own;
  const published = {
    ...{ name, version, description, license, type, bin, gitHead },
    engines: { node: ">=24.7" },
    files: ["dist", "docs/man", "systemd"],
    man: ["docs/man/entrepot.1"],
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  for (const file of ["README.md", "CHANGELOG.md", "LICENSE"])
    copyFileSync(join(root, file), join(folder, file));
  copyFileSync(copyright, join(code, "THIRD-PARTY-LICENSES.txt"));
  cpSync(join(root, "docs/man"), join(folder, "docs/man"), { recursive: true });
  cpSync(join(root, "systemd"), join(folder, "systemd"), { recursive: true });
  execFileSync("npm", ["pack", "--silent", `--pack-destination=${release}`], {
    ...{ cwd: folder, stdio: ["ignore", "ignore", "inherit"] },
  });
}
