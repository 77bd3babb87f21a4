import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "./support/clients/engines.ts";
import { type Entrepot, runEntrepot } from "./support/entrepot.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { runWell } from "./support/program.ts";

const host = "docker-registry.local";

describe.skipIf(!hasProgram("skopeo"))("images that were pushed", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot({
      ...{ HOST: "127.0.0.1", HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" },
      HOSTED_LEASE: "0 s",
    });
  });
  afterAll(() => journey?.end());

  const env = () => ({ HTTPS_PROXY: entrepot.proxy, SSL_CERT_FILE: entrepot.trust });

  /** Two platforms, each with a layer that all images share. */
  async function push(image: string, seed: string): Promise<void> {
    const layout = join(journey.folder, `layout-${seed}`);
    const platforms = ["linux/amd64", "linux/arm64"];
    await makeImageLayout(layout, { tag: "1", platforms, layers: [400_000, 50_000], seed });
    const copy = ["copy", "--all", "--insecure-policy"];
    await runWell("skopeo", [...copy, `oci:${layout}:1`, `docker://${image}`], { env: env() });
  }

  async function command(...args: readonly string[]): Promise<string> {
    const { code, output } = await runEntrepot(
      journey.folder,
      { DATA_DIR: entrepot.dataDir },
      args,
    );
    expect([args, code, output]).toEqual([args, 0, output]);
    return output;
  }

  const clients = engines.filter(({ door }) => door === "proxy");

  it.each(clients)(
    "by tag and as a whole, are gone for $name after gc, and the others pull",
    async ({ name, start }) => {
      const own = `${name.split(",")[0]}-${randomUUID()}`;
      const team = `${host}/${own}`;
      await push(`${team}/app:1`, `${own}-app`);
      await push(`${team}/app:kept`, `${own}-kept`);
      await push(`${team}/other:1`, `${own}-other`);
      const retag = ["copy", "--all", "--insecure-policy", `docker://${team}/app:kept`];
      await runWell("skopeo", [...retag, `docker://${team}/app:extra`], { env: env() });

      // What a try that failed has left.
      await command("gc", "--untagged-after", "0");
      await command("images", "rm", `${team}/app:extra`, "--yes");
      await command("images", "rm", `${team}/other`, "--yes");
      // skopeo deletes the digest behind the tag.
      await runWell("skopeo", ["delete", `docker://${team}/app:1`], { env: env() });
      const foreseen = await command("gc", "--dry-run", "--untagged-after", "0");
      const freed = await command("gc", "--untagged-after", "0");
      expect(freed.replaceAll("freed", "would free")).toBe(foreseen);
      expect(freed).toMatch(/freed 99\d KiB in 16 blobs/);

      const client = await start(journey, entrepot);
      expect((await client.pull(`${team}/app:kept`)).code, "kept").toBe(0);
      for (const gone of ["app:1", "app:extra", "other:1"]) {
        expect((await client.pull(`${team}/${gone}`)).code, gone).not.toBe(0);
      }
      expect(await command("gc", "--untagged-after", "0")).toBe("freed 0 B in 0 blobs\n");
    },
  );
});
