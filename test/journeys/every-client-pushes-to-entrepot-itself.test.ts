import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDocker } from "./support/clients/docker.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, mustSucceed } from "./support/journey.ts";
import { runWell } from "./support/program.ts";
import { creds, everyDoor, login, PushDoors } from "./support/push-doors.ts";

const platforms = ["linux/amd64", "linux/arm64"];

describe.skipIf(!hasProgram("skopeo"))("pushing to Entrepot itself", () => {
  let doors: PushDoors;
  let layout = "";
  let digest = "";
  /** Of two platforms: what skopeo copies with --all. */
  let many = "";
  beforeAll(async () => {
    doors = await PushDoors.begin();
    const { folder } = doors.journey;
    [layout, many] = [join(folder, "layout"), join(folder, "many")];
    const recipe = { tag: "1", layers: [100_000, 3_000_000], seed: "pushed to Entrepot itself" };
    await makeImageLayout(layout, { ...recipe, platforms: ["linux/amd64"] });
    await makeImageLayout(many, { ...recipe, platforms });
    const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
    digest = index.manifests[0].digest;
  });
  afterAll(() => doors?.journey.end());

  it.each(everyDoor)("skopeo pushes, pulls and deletes at the %s door", async (door) => {
    const { name, env, isTls } = await doors.at(door);
    const image = `docker://${name}/skopeo/app:1`;
    const to = [`--dest-tls-verify=${isTls}`, "--dest-creds", creds];
    await runWell("skopeo", ["copy", "--insecure-policy", ...to, `oci:${layout}:1`, image], {
      env,
    });
    const from = [`--tls-verify=${isTls}`, "--creds", creds];
    const args = ["inspect", ...from, "--format", "{{.Digest}}", image];
    expect((await runWell("skopeo", args, { env })).stdout.trim()).toBe(digest);
    await runWell("skopeo", ["delete", ...from, image], { env });
  });

  it.each(everyDoor)("skopeo copies all platforms and syncs at the %s door", async (door) => {
    const { name, env, isTls, surroundings } = await doors.at(door);
    const [source, target] = [`--src-tls-verify=${isTls}`, `--dest-tls-verify=${isTls}`];
    const policy = "--insecure-policy";
    const image = `${name}/skopeo/many:1`;
    await runWell(
      "skopeo",
      [
        "copy",
        policy,
        "--all",
        target,
        "--dest-creds",
        creds,
        `oci:${many}:1`,
        `docker://${image}`,
      ],
      { env },
    );
    const folder = join(surroundings.folder, "synced");
    const fetch = ["--src", "docker", "--dest", "dir", source, "--src-creds", creds];
    await runWell("skopeo", ["sync", policy, "--all", ...fetch, image, folder], { env });
    const push = ["--src", "dir", "--dest", "docker", target, "--dest-creds", creds];
    await runWell("skopeo", ["sync", policy, "--all", ...push, folder, `${name}/again`], { env });
    const raw = ["inspect", "--raw", `--tls-verify=${isTls}`, "--creds", creds];
    const seen = async (of: string) =>
      (await runWell("skopeo", [...raw, `docker://${of}`], { env })).stdout;
    expect(await seen(`${name}/again/many:1`)).toBe(await seen(image));
    expect(JSON.parse(await seen(image)).manifests).toHaveLength(platforms.length);
  });

  it.each(everyDoor)("buildah and podman hand an image on at the %s door", async (door) => {
    const { name, env, surroundings, isTls } = await doors.at(door);
    const first = `${name}/first/app:1`;
    const to = [`--dest-tls-verify=${isTls}`, "--dest-creds", creds];
    const source = `oci:${layout}:1`;
    await runWell("skopeo", ["copy", "--insecure-policy", ...to, source, `docker://${first}`], {
      env,
    });
    for (const program of ["buildah", "podman"].filter(hasProgram)) {
      const store = join(surroundings.folder, program);
      await mkdir(store, { recursive: true });
      const runRoot = join(surroundings.folder, "r");
      const where = ["--storage-driver", "vfs", "--root", store, "--runroot", runRoot];
      const options = ["-q", `--tls-verify=${isTls}`, "--creds", creds];
      const second = `${name}/${program}/app:1`;
      await runWell(program, [...where, "pull", ...options, first], { env });
      await runWell(program, [...where, "push", ...options, first, `docker://${second}`], { env });
    }
  });

  it.skipIf(!hasProgram("crane")).each(everyDoor)(
    "crane logs in and copies at the %s door",
    async (door) => {
      const { name, env, isTls } = await doors.at(door);
      const plain = isTls ? [] : ["--insecure"];
      const who = ["-u", login.user, "-p", login.password];
      await runWell("crane", ["auth", "login", name, ...who, ...plain], { env });
      const pushed = await runWell(
        "crane",
        ["push", layout, `${name}/crane/app:1`, "--index", ...plain],
        { env },
      );
      expect(pushed.stdout).toContain("sha256:");
      await runWell("crane", ["copy", `${name}/crane/app:1`, `${name}/crane/two:2`, ...plain], {
        env,
      });
      const tags = await runWell("crane", ["ls", `${name}/crane/two`, ...plain], { env });
      expect(tags.stdout.trim()).toBe("2");
    },
  );

  it.skipIf(!hasProgram("dockerd")).each(everyDoor)(
    "docker logs in, pushes and pulls again at the %s door",
    async (door) => {
      const { name, surroundings } = await doors.at(door);
      const archive = join(surroundings.folder, "image.tar");
      const image = `${name}/docker/app:1`;
      const from = `oci:${layout}:1`;
      await runWell("skopeo", [
        "copy",
        "--insecure-policy",
        from,
        `docker-archive:${archive}:${image}`,
      ]);
      const docker = await startDocker(surroundings);
      try {
        mustSucceed(await docker.command("load", "--input", archive));
        const refused = await docker.command("push", image);
        expect([refused.code, refused.output]).toEqual([
          1,
          expect.stringMatching(/authentic|denied/),
        ]);
        const wrong = await docker.command("login", "-u", login.user, "-p", "CANARY-wrong", name);
        expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining("is wrong")]);
        const right = ["-u", login.user, "-p", login.password, name];
        mustSucceed(await docker.command("login", ...right));
        mustSucceed(await docker.command("push", image));
        await docker.wipe();
        mustSucceed(await docker.pull(image));
      } finally {
        await docker.stop();
      }
    },
  );

  it("eight of them at a time", async () => {
    const { name, env } = await doors.at("plain");
    const layouts = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(async (count) => {
        const folder = join(doors.journey.folder, `side-by-side-${count}`);
        // Some of it is the same: who pushes that, first or second, must not matter.
        const layers = [1_000_000, 200_000 * count, 3_000_000];
        const recipe = { tag: "1", platforms: ["linux/amd64"], layers, seed: "side by side" };
        await makeImageLayout(folder, recipe);
        return folder;
      }),
    );
    const to = ["--dest-tls-verify=false", "--dest-creds", creds];
    await Promise.all(
      layouts.map((folder, index) => {
        const image = `docker://${name}/side-by-side/${index % 2}:${index}`;
        const args = ["copy", "--insecure-policy", ...to, `oci:${folder}:1`, image];
        return runWell("skopeo", args, { env });
      }),
    );
    for (const index of layouts.keys()) {
      const image = `docker://${name}/side-by-side/${index % 2}:${index}`;
      const from = ["--src-tls-verify=false", "--src-creds", creds];
      const target = `dir:${join(doors.journey.folder, `pulled-${index}`)}`;
      await runWell("skopeo", ["copy", "--insecure-policy", ...from, image, target], { env });
    }
  });

  it("leaves no password in the log", () => {
    expect(doors.leaks).toEqual([]);
  });
});
