/**
 * The container image: the single executable, the few libraries of Debian's that it needs, and the
 * authorities that Debian trusts. Made without Docker, as an archive that docker, podman and containerd
 * load; one commit and the same Debian packages give the same bytes.
 *
 *   node packaging/image.mjs EXECUTABLE amd64|arm64 OUT [COPYRIGHT]
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { build } from "./bundle.mjs";
import { imageConfig } from "./image/config.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const own = join(root, "packaging/image");
const debian = "bookworm";
const libraryPackages = ["libc6", "libgcc-s1", "libstdc++6", "libatomic1"];
const packages = [...libraryPackages, "ca-certificates"];
const libraries = /^lib(?:c|m|dl|pthread|rt|resolv|atomic|gcc_s|stdc\+\+)\.so\.\d+$/;
const kinds = {
  amd64: { triplet: "x86_64-linux-gnu", loader: "lib64/ld-linux-x86-64.so.2" },
  arm64: { triplet: "aarch64-linux-gnu", loader: "lib/ld-linux-aarch64.so.1" },
};
/** What GNU tar is to leave to nobody's chance. */
const steady = ["--format=gnu", "--sort=name", "--numeric-owner", "--no-recursion"];

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Debian's packages as they are, none of their scripts run; another processor's work too. */
function extractDebian(kind, folder) {
  const include = `--include=${packages.join(",")}`;
  const args = ["--quiet", "--variant=extract", `--architectures=${kind}`, include, debian, folder];
  execFileSync("mmdebstrap", args, { stdio: ["ignore", 2, 2] });
}

function place(tree, path, from, mode = 0o644) {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(from, target);
  chmodSync(target, mode);
}

function write(tree, path, text) {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text, { mode: 0o644 });
}

/** Under the names that programs ask for, whatever the file behind them is called. */
function placeLibraries(tree, from, kind) {
  const { triplet, loader } = kinds[kind];
  for (const folder of ["lib", "usr/lib"]) {
    const its = join(from, folder, triplet);
    for (const name of readdirSync(its))
      if (libraries.test(name)) place(tree, `usr/lib/${triplet}/${name}`, join(its, name), 0o755);
  }
  // Followed by hand: Debian's link may begin at its own root.
  const name = loader.slice(loader.lastIndexOf("/") + 1);
  place(tree, `usr/${loader}`, join(from, "lib", triplet, name), 0o755);
  for (const folder of ["lib", "lib64"]) {
    mkdirSync(join(tree, "usr", folder), { recursive: true });
    symlinkSync(`usr/${folder}`, join(tree, folder));
  }
}

/** As update-ca-certificates does. */
function authorities(from) {
  const folder = join(from, "usr/share/ca-certificates/mozilla");
  const files = readdirSync(folder).filter((name) => name.endsWith(".crt"));
  return files
    .sort()
    .map((name) => `${readFileSync(join(folder, name), "utf8").trim()}\n`)
    .join("");
}

/** Which Debian packages are inside, by the first line of their change logs. */
function versionsOf(from) {
  return packages.map((name) => {
    const folder = join(from, "usr/share/doc", name);
    const log = ["changelog.Debian.gz", "changelog.gz"].find((file) =>
      readdirSync(folder).includes(file),
    );
    const [, version = "unknown"] =
      /^\S+ \(([^)]+)\)/.exec(gunzipSync(readFileSync(join(folder, log ?? ""))).toString()) ?? [];
    return { name, version };
  });
}

function makeTree(tree, from, { executable, kind, copyright }) {
  place(tree, "usr/bin/entrepot", executable, 0o755);
  placeLibraries(tree, from, kind);
  write(tree, "etc/ssl/certs/ca-certificates.crt", authorities(from));
  for (const name of ["passwd", "group", "nsswitch.conf"])
    place(tree, `etc/${name}`, join(own, name));
  for (const name of packages)
    place(tree, `usr/share/doc/${name}/copyright`, join(from, `usr/share/doc/${name}/copyright`));
  if (copyright !== undefined) place(tree, "usr/share/doc/entrepot/copyright", copyright);
  mkdirSync(join(tree, "tmp"));
  chmodSync(join(tree, "tmp"), 0o1777);
  mkdirSync(join(tree, "data"));
  chmodSync(join(tree, "data"), 0o700);
}

/** All of it root's, but for the folder that a new volume takes its owner from. */
function packTree(tree, tar, time) {
  const at = [...steady, `--mtime=@${time}`, `--directory=${tree}`, `--file=${tar}`];
  const ids = (id) => [`--owner=${id}`, `--group=${id}`];
  const all = execFileSync("find", [".", "-mindepth", "1", "-not", "-path", "./data"], {
    ...{ cwd: tree, encoding: "utf8" },
  });
  const names = all
    .split("\n")
    .filter(Boolean)
    .map((name) => name.slice(2))
    .sort();
  execFileSync("tar", ["--create", ...at, ...ids(0), "--verbatim-files-from", "--files-from=-"], {
    input: names.join("\n"),
  });
  execFileSync("tar", ["--append", ...at, ...ids(65_532), "data"]);
}

/** As `docker save` writes it, layers compressed. */
function packArchive({ layer, config, out, work, tag, time }) {
  const folder = join(work, "archive");
  mkdirSync(folder, { recursive: true });
  const layerName = `${sha256(readFileSync(layer))}.tar.gz`;
  copyFileSync(layer, join(folder, layerName));
  const configName = `${sha256(config)}.json`;
  writeFileSync(join(folder, configName), config);
  const manifest = [{ Config: configName, RepoTags: [tag], Layers: [layerName] }];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const names = ["manifest.json", configName, layerName];
  for (const name of names) chmodSync(join(folder, name), 0o644);
  const args = [...steady, `--mtime=@${time}`, "--owner=0", "--group=0", `--directory=${folder}`];
  execFileSync("tar", ["--create", ...args, `--file=${out}`, ...names]);
}

/** Gives the Debian packages that are inside. */
export function makeImage({ executable, kind, out, copyright }) {
  const { version, gitHead, time } = build();
  const work = `${out}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const [from, tree, tar] = ["debian", "tree", "rootfs.tar"].map((name) => join(work, name));
    extractDebian(kind, from);
    makeTree(tree, from, { executable, kind, copyright });
    packTree(tree, tar, time);
    const diff = sha256(readFileSync(tar));
    execFileSync("gzip", ["-9", "--no-name", tar]);
    const dockerfile = readFileSync(join(own, "Dockerfile"), "utf8");
    const values = { VERSION: version, REVISION: gitHead };
    const config = imageConfig(dockerfile, { values, kind, diff, time });
    const tag = `entrepot:${version}`;
    packArchive({ layer: `${tar}.gz`, config: JSON.stringify(config), out, work, tag, time });
    return versionsOf(from);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [executable, kind, out, copyright] = process.argv.slice(2);
  for (const { name, version } of makeImage({ executable, kind, out, copyright }))
    process.stdout.write(`${name} ${version}\n`);
  process.stdout.write(`${out}: ${statSync(out).size} bytes\n`);
}
