import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { Journey } from "../support/journey.ts";
import { account } from "../support/upstream/look-alikes.ts";

describe("logins.md", () => {
  let journey: Journey;
  let guide: Guide;
  beforeAll(async () => {
    guide = await Guide.open("logins.md");
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  async function isFine(env: Readonly<Record<string, string>>): Promise<void> {
    const checked = await runEntrepot(journey.folder, env, ["config", "check"]);
    expect(checked.output).toContain("The settings are fine.");
  }

  it("the env file opens a private image once it has the right password", async () => {
    const env = guide.settings("AUTH_REALMS=");
    await isFine(env);
    const shown = "auth.docker.io:robot:token";
    const right = `auth.docker.io:${account.user}:${account.password}`;
    const AUTH_REGISTRIES = String(env.AUTH_REGISTRIES).replace(shown, () => right);
    const entrepot = await journey.entrepot({ ...env, AUTH_REGISTRIES });
    const image = `${entrepot.proxy}/v2/docker.io/acme/private/manifests/1`;
    const types = ["oci.image.index.v1", "oci.image.manifest.v1"];
    const Accept = types.map((type) => `application/vnd.${type}+json`).join(", ");
    const pulled = await fetch(image, { headers: { Accept } });
    expect(pulled.status).toBe(200);
  });

  it("the settings file is understood", async () => {
    const CONFIG_FILE = join(journey.folder, "entrepot.yaml");
    await writeFile(CONFIG_FILE, guide.take("helper: ecr-login"));
    await isFine({ CONFIG_FILE });
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
