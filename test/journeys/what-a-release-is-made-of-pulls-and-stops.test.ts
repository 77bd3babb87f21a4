import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasProgram, Journey } from "./support/journey.ts";
import { reachOutside, run } from "./support/program.ts";

const root = join(import.meta.dirname, "../..");
const release = join(root, "release");
/** Every day the packages are barely compressed, which takes minutes otherwise. */
const isWhole = process.env.HEAVY !== undefined;
const making = [...(isWhole ? [] : ["--quick"]), "amd64"];
/** npm and Go keep what they fetched there. */
const env = { HOME: process.env.HOME ?? "/root", ...reachOutside() };
const limitMs = 1_500_000;

async function must(program: string, args: readonly string[], cwd = root): Promise<string> {
  const done = await run(program, args, { limitMs, cwd, env });
  if (done.code !== 0) throw new Error(`${program} ${args.join(" ")}:\n${done.output}`);
  return done.stdout;
}

const sums = (): Promise<string> => readFile(join(release, "SHA256SUMS"), "utf8");

const needed = ["skopeo", "strip", "rpm2archive", "nfpm", "mmdebstrap"];
describe.skipIf(!needed.every(hasProgram))("a release", { timeout: limitMs }, () => {
  let journey: Journey;
  let before = "";
  let commit = "";
  beforeAll(async () => {
    await must("scripts/release", making);
    before = await sums();
    commit = (await must("git", ["rev-parse", "HEAD"])).trim();
    journey = await Journey.begin();
  }, limitMs);
  afterAll(() => journey?.end());

  async function made(ending: string): Promise<string> {
    const name = (await readdir(release)).find((one) => one.endsWith(ending));
    if (name === undefined) throw new Error(`nothing in ${release} ends in ${ending}`);
    return join(release, name);
  }

  /** What has to be run, by form. */
  const forms: Readonly<Record<string, (folder: string) => Promise<readonly string[]>>> = {
    "single executable": async () => [await made("-linux-amd64")],
    deb: async (folder) => {
      await must("dpkg-deb", ["--extract", await made(".deb"), folder]);
      return [join(folder, "usr/bin/entrepot")];
    },
    rpm: async (folder) => {
      await must("bash", ["-c", 'rpm2archive -n - < "$0" | tar -x', await made(".rpm")], folder);
      return [join(folder, "usr/bin/entrepot")];
    },
    "npm package": async (folder) => {
      await must("npm", ["install", "--prefix", folder, await made(".tgz")]);
      expect(await readdir(join(folder, "node_modules"))).toEqual([
        ...[".bin", ".package-lock.json", "entrepot"],
      ]);
      return [process.execPath, join(folder, "node_modules/entrepot/dist/app/main.js")];
    },
  };

  it.each(Object.keys(forms))(
    "as %s says of what it is made, pulls, serves what it kept, and stops with 0",
    async (form) => {
      const folder = join(journey.folder, form.replace(" ", "-"));
      await must("mkdir", [folder]);
      const command = (await forms[form]?.(folder)) ?? [];
      const [program = "", ...args] = command;
      const said: unknown = JSON.parse(await must(program, [...args, "--version", "--json"]));
      const build = `${form === "npm package" ? form : "single executable"}, linux-x64`;
      expect(said).toMatchObject({ commit, node: process.versions.node, build });
      const launcher = ["sh", "-c", `exec ${command.map((word) => `'${word}'`).join(" ")}`];
      const entrepot = await journey.entrepot({}, `data-${form.replace(" ", "-")}`, launcher);
      const image = `docker://127.0.0.1:${entrepot.port}/ghcr.io/acme/tool:1`;
      for (const again of ["first", "second"]) {
        journey.upstream.ledger.clear();
        const copied = `dir:${join(folder, again)}`;
        await must("skopeo", [
          "copy",
          "--insecure-policy",
          "--src-tls-verify=false",
          image,
          copied,
        ]);
        const gets = journey.upstream.ledger.contentGets().length;
        if (again === "first") expect(gets).toBeGreaterThan(1);
        else expect(gets).toBe(0);
      }
      expect(await entrepot.stop()).toBe(0);
    },
  );

  it.each([
    [["--version"], 0],
    [["--help"], 0],
    [["--no-such-flag"], 2],
    [["images", "ls", "--data-dir", "/nonexistent"], 3],
    [["config", "check", "--port", "none"], 78],
  ])("ends %j as the program of the clone does", async (args, code) => {
    const ours = await run(process.execPath, [join(root, "dist/app/main.js"), ...args], {});
    const theirs = await run(await made("-linux-amd64"), args, {});
    expect([ours.code, theirs.code]).toEqual([code, code]);
    expect(theirs.output).toBe(ours.output);
  });

  it.runIf(isWhole)("is small", async () => {
    const sizes = await must("du", ["--apparent-size", "-B", "1", "-a", release]);
    const sizeOf = (ending: string): number =>
      Number(
        sizes
          .split("\n")
          .find((line) => line.endsWith(ending))
          ?.split("\t")[0],
      );
    expect(sizeOf("-linux-amd64")).toBeLessThanOrEqual(125e6);
    expect(sizeOf(".deb")).toBeLessThanOrEqual(40e6);
    expect(sizeOf(".rpm")).toBeLessThanOrEqual(40e6);
    expect(sizeOf(".tgz")).toBeLessThanOrEqual(3e6);
  });

  it.runIf(isWhole)("is the same bytes when it is made again", async () => {
    await must("scripts/release", making);
    expect(await sums()).toBe(before);
  });
});
