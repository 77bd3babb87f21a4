/**
 * A release, in release/, for the kinds of processors that are named, or for both: what is made for
 * users, and what says of which parts it is. Bytes depend on the commit alone. `--quick`: packages are
 * barely compressed, which takes most of the time otherwise; to try them out.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, makeBundle } from "./bundle.mjs";
import { makeImage } from "./image.mjs";
import { licences } from "./licences.mjs";
import { makeNpmPackage } from "./npm-package.mjs";
import { listOfParts } from "./parts.mjs";
import { makeExecutable } from "./sea.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const release = join(root, "release");
const work = join(release, ".work");
const { version, gitHead, time } = build();
const at = new Date(time * 1_000).toISOString().replace(".000", "");
const kinds = process.argv.slice(2).filter((word) => word !== "--quick");
const isQuick = process.argv.includes("--quick");
const compressions = isQuick ? { DEB: "none", RPM: "gzip:1" } : { DEB: "xz", RPM: "xz" };

function say(what) {
  process.stderr.write(`${what}\n`);
}

/** deb and rpm of one kind of processor. */
function makePackages(kind, executable) {
  const folder = join(work, kind);
  mkdirSync(folder, { recursive: true });
  copyFileSync(executable, join(folder, "entrepot"));
  copyFileSync(join(work, "copyright"), join(folder, "copyright"));
  const manual = readFileSync(join(root, "docs/man/entrepot.1"));
  writeFileSync(join(folder, "entrepot.1.gz"), gzipSync(manual, { level: 9 }));
  const values = { ARCH: kind, VERSION: version, TIME: at, BUILD: folder, ...compressions };
  const description = readFileSync(join(root, "packaging/nfpm.yaml"), "utf8");
  const config = join(folder, "nfpm.yaml");
  writeFileSync(
    config,
    description.replace(/\$\{([A-Z]+)\}/g, (_whole, name) => values[name]),
  );
  for (const packager of ["deb", "rpm"]) {
    const args = ["package", "--config", config, "--packager", packager];
    const epoch = `SOURCE_DATE_EPOCH=${time}`;
    execFileSync("env", [epoch, "nfpm", ...args, "--target", `${release}/`], {
      ...{ cwd: root, stdio: ["ignore", 2, 2] },
    });
  }
}

function sums() {
  const files = readdirSync(release, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(({ name }) => name)
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(release, name));
      return { name, sha256: createHash("sha256").update(bytes).digest("hex") };
    });
}

/** in-toto's form, and it says itself that nobody signed it. */
function statement(subjects) {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "scripts/release",
        externalParameters: { version },
        resolvedDependencies: [{ name: "entrepot", digest: { gitCommit: gitHead } }],
      },
      runDetails: { builder: { id: "unsigned: nobody vouches for who ran this" } },
    },
  };
}

rmSync(release, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
const bundle = join(work, "bundle");
say("the program in few files");
await makeBundle(bundle);
writeFileSync(join(work, "copyright"), licences());
say("the npm package");
makeNpmPackage({ bundle, work, release, copyright: join(work, "copyright") });
let debian = [];
for (const kind of kinds.length > 0 ? kinds : ["amd64", "arm64"]) {
  say(`the single executable, deb and rpm for ${kind}`);
  const executable = join(release, `entrepot-${version}-linux-${kind}`);
  makeExecutable(bundle, kind, executable, join(root, "node_modules/.cache/entrepot"));
  makePackages(kind, executable);
  say(`the container image for ${kind}`);
  const out = join(release, `entrepot-${version}-image-${kind}.tar`);
  debian = makeImage({ executable, kind, out, copyright: join(work, "copyright") });
}
writeFileSync(
  join(release, `entrepot-${version}.cdx.json`),
  `${JSON.stringify(listOfParts({ version, at, debian }), null, 2)}\n`,
);
const made = sums();
const lines = made.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join("");
writeFileSync(join(release, "SHA256SUMS"), lines);
const unsigned = `${JSON.stringify(statement(made), null, 2)}\n`;
writeFileSync(join(release, `entrepot-${version}.unsigned.intoto.json`), unsigned);
rmSync(work, { recursive: true, force: true });
say(`in ${release}:\n${lines}`);
