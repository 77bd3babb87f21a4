import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBuildkit } from "./support/clients/buildkit.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, mustSucceed } from "./support/journey.ts";
import { runWell } from "./support/program.ts";
import { everyDoor, login, PushDoors } from "./support/push-doors.ts";

const who = ["-u", login.user, "-p", login.password];

describe("what is no image, pushed to Entrepot itself", () => {
  let doors: PushDoors;
  let layout = "";
  beforeAll(async () => {
    doors = await PushDoors.begin();
    layout = join(doors.journey.folder, "layout");
    const layers = [100_000, 1_000_000];
    const recipe = { tag: "1", platforms: ["linux/amd64", "linux/arm64"], layers };
    await makeImageLayout(layout, { ...recipe, seed: "what is no image" });
  });
  afterAll(() => doors?.journey.end());

  it.skipIf(!hasProgram("regctl")).each(everyDoor)(
    "regctl copies an image with its referrers at the %s door",
    async (door) => {
      const { name, env, isTls, surroundings } = await doors.at(door);
      const cwd = surroundings.folder;
      const regctl = async (...args: readonly string[]) =>
        (await runWell("regctl", args, { env, cwd })).stdout.trim();
      await regctl(
        "registry",
        "set",
        "--skip-check",
        "--tls",
        isTls ? "enabled" : "disabled",
        name,
      );
      await regctl("registry", "login", ...who, name);
      const image = `${name}/regctl/app:1`;
      await regctl("image", "copy", `ocidir://${layout}:1`, image);
      await writeFile(join(cwd, "sbom"), "an sbom");
      const type = ["--artifact-type", "application/vnd.example.sbom"];
      await regctl("artifact", "put", "--subject", image, ...type, "--file", "sbom");
      const copy = `${name}/regctl/copy:1`;
      await regctl("image", "copy", "--referrers", "--digest-tags", image, copy);
      const listed = JSON.parse(await regctl("artifact", "list", "--format", "{{json .}}", copy));
      expect(listed.descriptors).toMatchObject([{ artifactType: "application/vnd.example.sbom" }]);
      expect(await regctl("image", "digest", copy)).toBe(await regctl("image", "digest", image));
      await regctl("tag", "delete", copy);
      expect(await regctl("tag", "ls", `${name}/regctl/app`)).toBe("1");
    },
  );

  it.skipIf(!hasProgram("oras")).each(everyDoor)(
    "oras pushes an artifact, attaches another, finds and pulls them at the %s door",
    async (door) => {
      const { name, env, isTls, surroundings } = await doors.at(door);
      const cwd = surroundings.folder;
      // Left out, localhost is plain.
      const plain = [`--plain-http=${!isTls}`];
      const oras = async (...args: readonly string[]) =>
        (await runWell("oras", [...args, ...plain], { env, cwd })).stdout;
      await oras("login", ...who, name);
      const artifact = `${name}/oras/model:1`;
      await writeFile(join(cwd, "model.bin"), Buffer.alloc(300_000, "m"));
      await oras("push", artifact, "model.bin:application/octet-stream");
      await writeFile(join(cwd, "signature"), "signed");
      await oras("attach", artifact, "--artifact-type", "application/vnd.example.sig", "signature");
      const found = JSON.parse(await oras("discover", "--format", "json", artifact));
      expect(JSON.stringify(found)).toContain("application/vnd.example.sig");
      await oras("pull", artifact, "--output", "pulled");
      expect(await readFile(join(cwd, "pulled", "model.bin"))).toEqual(Buffer.alloc(300_000, "m"));
    },
  );

  it.skipIf(!hasProgram("helm")).each(everyDoor)(
    "helm pushes a chart and pulls it at the %s door",
    async (door) => {
      const { name, env, isTls, surroundings } = await doors.at(door);
      const cwd = surroundings.folder;
      const plain = isTls ? [] : ["--plain-http"];
      const helm = (...args: readonly string[]) => runWell("helm", args, { env, cwd });
      await helm("create", "chart");
      await helm("package", "chart", "--version", "1.2.3");
      await helm("registry", "login", ...who, ...plain, name);
      await helm("push", "chart-1.2.3.tgz", `oci://${name}/charts`, ...plain);
      const where = [`oci://${name}/charts/chart`, "--version", "1.2.3", ...plain];
      await helm("pull", ...where, "--destination", cwd, "--untar", "--untardir", "pulled");
      expect(await readFile(join(cwd, "pulled/chart/Chart.yaml"), "utf8")).toContain("1.2.3");
    },
  );

  it.skipIf(!hasProgram("crane")).each(everyDoor)(
    "signatures lie beside an image under tags made of its digest, at the %s door",
    async (door) => {
      const { name, env, isTls } = await doors.at(door);
      const plain = isTls ? [] : ["--insecure"];
      const crane = async (...args: readonly string[]) =>
        (await runWell("crane", [...args, ...plain], { env })).stdout.trim();
      await crane("auth", "login", name, ...who);
      const repository = `${name}/signed-${door.toLowerCase()}`;
      await crane("push", "--index", layout, `${repository}:1`);
      const digest = await crane("digest", `${repository}:1`);
      const signature = `${digest.replace(":", "-")}.sig`;
      await crane("copy", `${repository}:1`, `${repository}:${signature}`);
      expect((await crane("ls", repository)).split("\n").sort()).toEqual(["1", signature]);
      await crane("delete", `${repository}:1`);
      expect(await crane("digest", `${repository}:${signature}`)).toBe(digest);
    },
  );

  it.skipIf(!hasProgram("buildkitd")).each(everyDoor)(
    "buildkit exports an image and a cache of all its steps, and builds out of it, at the %s door",
    async (door) => {
      const { name, isTls, surroundings } = await doors.at(door);
      const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
      const stages =
        "FROM scratch AS first\nCOPY file /one\nFROM scratch\nCOPY --from=first /one /two\n";
      // Left out, localhost is plain.
      const settings = `[registry."${name}"]\n  http = ${!isTls}\n  insecure = false\n`;
      /** By a builder with nothing in its hands. */
      const build = async (state: string, ...options: readonly string[]): Promise<string> => {
        const folder = join(surroundings.folder, state);
        await mkdir(folder);
        await writeFile(
          join(folder, "config.json"),
          JSON.stringify({ auths: { [name]: { auth } } }),
        );
        const builder = await startBuildkit({ ...surroundings, folder }, settings);
        try {
          await writeFile(join(builder.context, "file"), Buffer.alloc(500_000, "f"));
          return mustSucceed(await builder.build(stages, ...options)).output;
        } finally {
          await builder.stop();
        }
      };
      const cache = `type=registry,ref=${name}/build/cache:1`;
      const image = `type=image,name=${name}/build/app:1,push=true`;
      await build("one", "--output", image, "--export-cache", `${cache},mode=max`);
      const again = await build("two", "--import-cache", cache, "--output", image);
      expect(again.match(/CACHED/g)).toHaveLength(2);
    },
  );

  it("leaves no password in the log", () => {
    expect(doors.leaks).toEqual([]);
  });
});
