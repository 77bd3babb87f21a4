import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { readSources } from "../support/source-files.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

describe("packages that are installed for a start alone", () => {
  let folder: string;
  let whole: readonly string[];
  beforeAll(async () => {
    folder = await temporaryFolder();
    await copyPackages(await packagesOfStart(), folder);
    whole = await filesBelow(folder);
    const trim = `import { trim } from ${JSON.stringify(join(root, "scripts/trim.mjs"))};`;
    await run(process.execPath, ["--input-type=module", "--eval", `${trim} trim("node_modules")`], {
      cwd: folder,
    });
  }, 180_000);

  it("take 30 MB at most, Node left out", async () => {
    let taken = 0;
    for (const file of await filesBelow(folder)) taken += (await stat(file)).blocks * 512;
    expect(taken / 1e6).toBeLessThan(30);
  });

  it("keep their licences", async () => {
    const isLicence = (file: string): boolean => /^licen[cs]e/i.test(basename(file));
    const kept = await filesBelow(folder);
    expect(kept.filter(isLicence)).toEqual(whole.filter(isLicence));
  });

  it("can be imported by every name that the program has for them", async () => {
    const sources = [...(await readSources(root, "src")).values()].join("\n");
    const named = [...sources.matchAll(/(?:\bfrom|\bimport\()\s*"(@?[a-z][\w/:.-]*)"/g)];
    const names = [...new Set(named.map(([, name = ""]) => name))].filter(
      (name) => !name.startsWith("node:"),
    );
    expect(names.length).toBeGreaterThan(15);
    const program = names.map((name) => `await import("${name}");`).join("\n");
    await writeFile(join(folder, "imports.mjs"), program);
    await run(process.execPath, [join(folder, "imports.mjs")]);
  });

  it("have every file that one which stayed asks for", async () => {
    const kept = new Set(await filesBelow(folder));
    const gone = new Set(whole.filter((file) => !kept.has(file)));
    const isMissing = (asked: readonly string[]): boolean =>
      asked.some((each) => gone.has(each)) && !asked.some((each) => kept.has(each));
    const missing: string[] = [];
    for (const file of [...kept].filter((each) => /\.[cm]?js$/.test(each))) {
      const named = filesNamed(await readFile(file, "utf8"), dirname(file));
      missing.push(...named.filter(isMissing).map(([asked]) => `${file}: ${asked}`));
    }
    expect(missing).toEqual([]);
  });
});

async function packagesOfStart(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, { readonly dev?: true }>>;
  };
  const paths = Object.entries(lock.packages).flatMap(([path, { dev }]) =>
    path === "" || dev || /^node_modules\/node(?:$|\/)/.test(path) ? [] : [path],
  );
  return paths.filter((path) => existsSync(join(root, path)));
}

async function copyPackages(paths: readonly string[], folder: string): Promise<void> {
  const copy = (...how: string[]) =>
    run("cp", ["--archive", ...how, "--parents", ...paths, folder], { cwd: root });
  // No second copy where there can be links: nothing is written, only taken away.
  await copy("--link").catch(() => copy("--force"));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name)).sort();
}

/** Where Node would look for each file beside it that a text requires or imports. */
function filesNamed(text: string, folder: string): string[][] {
  const named = text.matchAll(
    /(?:\brequire\(|\bfrom ?|\bimport\(|\bimport )\s*["'](\.[^"']+)(?<!\.d\.[cm]?ts)["']/g,
  );
  return [...named].map(([, name = ""]) => {
    const path = join(folder, name);
    return [path, ...[".js", ".cjs", ".mjs", ".json", "/index.js"].map((end) => `${path}${end}`)];
  });
}
