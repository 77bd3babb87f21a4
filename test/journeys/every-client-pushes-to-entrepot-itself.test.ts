import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { environment } from "./support/clients/client.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { type Environment, runWell } from "./support/program.ts";

const creds = "ci:CANARY-ci";

describe.skipIf(!hasProgram("skopeo"))("pushing to Entrepot itself", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let layout = "";
  let digest = "";
  let tlsPort = 0;
  beforeAll(async () => {
    journey = await Journey.begin();
    layout = join(journey.folder, "layout");
    await makeImageLayout(layout, {
      ...{ tag: "1", platforms: ["linux/amd64"], layers: [100_000, 3_000_000] },
      seed: "pushed to Entrepot itself",
    });
    const htpasswd = join(journey.folder, "htpasswd");
    await writeFile(htpasswd, `ci:${hashSync("CANARY-ci", 8)}\n`);
    tlsPort = await freePort();
    entrepot = await journey.entrepot({
      ...{ HOST: "127.0.0.1", TLS_PORT: String(tlsPort), HOSTED_HTPASSWD: htpasswd },
      HOSTED_HOSTS: "localhost docker-registry.local",
    });
    const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
    digest = index.manifests[0].digest;
  });
  afterAll(() => journey?.end());

  /** What a client finds around it at each door, and what it calls the registry there. */
  const doors = {
    plain: () => ({ name: `localhost:${entrepot.port}`, proxy: undefined, isTls: false }),
    TLS: () => ({ name: `localhost:${tlsPort}`, proxy: undefined, isTls: true }),
    proxy: () => ({ name: "docker-registry.local", proxy: entrepot.proxy, isTls: true }),
  } as const;
  const everyDoor = Object.keys(doors) as readonly (keyof typeof doors)[];

  async function at(door: keyof typeof doors) {
    const { name, proxy, isTls } = doors[door]();
    // Short, since podman takes no run root longer than 50 characters.
    const folder = await mkdtemp(join(inject("parts").folder, "c-"));
    const noLogins = join(folder, "no-logins.json");
    await writeFile(noLogins, "{}");
    const env: Environment = {
      ...environment({ folder, proxy, trust: entrepot.trust }),
      REGISTRY_AUTH_FILE: noLogins,
    };
    return { name, env, folder, verify: `--tls-verify=${isTls}`, isTls };
  }

  it.each(everyDoor)("skopeo pushes, pulls and deletes at the %s door", async (door) => {
    const { name, env, isTls } = await at(door);
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

  it.each(everyDoor)("buildah and podman hand an image on at the %s door", async (door) => {
    const { name, env, folder, verify, isTls } = await at(door);
    const first = `${name}/first/app:1`;
    const to = [`--dest-tls-verify=${isTls}`, "--dest-creds", creds];
    const source = `oci:${layout}:1`;
    await runWell("skopeo", ["copy", "--insecure-policy", ...to, source, `docker://${first}`], {
      env,
    });
    for (const program of ["buildah", "podman"].filter(hasProgram)) {
      const store = join(folder, program);
      await mkdir(store, { recursive: true });
      const where = ["--storage-driver", "vfs", "--root", store, "--runroot", join(folder, "r")];
      const login = ["-q", verify, "--creds", creds];
      const second = `${name}/${program}/app:1`;
      await runWell(program, [...where, "pull", ...login, first], { env });
      await runWell(program, [...where, "push", ...login, first, `docker://${second}`], { env });
    }
  });

  it.skipIf(!hasProgram("crane")).each(everyDoor)(
    "crane logs in and copies at the %s door",
    async (door) => {
      const { name, env, isTls } = await at(door);
      const [user = "", password = ""] = creds.split(":");
      const plain = isTls ? [] : ["--insecure"];
      await runWell("crane", ["auth", "login", name, "-u", user, "-p", password, ...plain], {
        env,
      });
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

  it("leaves no password in the log", () => {
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });
});
