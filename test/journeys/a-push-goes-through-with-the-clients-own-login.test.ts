import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { environment } from "./support/clients/client.ts";
import { startSkopeo } from "./support/clients/containers-tools.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, hubLogin, Journey, mustSucceed } from "./support/journey.ts";
import { run } from "./support/program.ts";
import { account } from "./support/upstream/look-alikes.ts";

describe.skipIf(!hasProgram("skopeo"))("pushing to Docker Hub through the proxy", () => {
  let journey: Journey;
  let layout = "";
  beforeAll(async () => {
    journey = await Journey.begin();
    layout = join(journey.folder, "layout");
    await makeImageLayout(layout, {
      tag: "1",
      platforms: ["linux/amd64"],
      layers: [100_000, 5_000_000],
      seed: randomUUID(),
    });
  });
  afterAll(() => journey?.end());

  async function push(env: Record<string, string>, options: readonly string[]) {
    const entrepot = await journey.entrepot(env, `entrepot-${randomUUID()}`);
    const folder = join(journey.folder, "pusher");
    await mkdir(folder, { recursive: true });
    const { trust, proxy } = entrepot;
    const image = `docker.io/acme/pushed-${randomUUID()}:1`;
    const pushed = await run(
      "skopeo",
      ["copy", "--insecure-policy", ...options, `oci:${layout}:1`, `docker://${image}`],
      { env: environment({ folder, trust, proxy }) },
    );
    return { entrepot, image, pushed };
  }

  it("works with the client's login, and what was pushed can be pulled", async () => {
    const login = ["--dest-creds", `${account.user}:${account.password}`];
    const { entrepot, image, pushed } = await push({ AUTH_REGISTRIES: hubLogin }, login);
    mustSucceed(pushed);
    const skopeo = await journey.client(startSkopeo, entrepot.trust, entrepot.proxy);
    mustSucceed(await skopeo.pull(image));
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("is refused without one: the shared credential only pulls", async () => {
    const { pushed } = await push({ AUTH_REGISTRIES: hubLogin }, []);
    expect(pushed.code).not.toBe(0);
    expect(pushed.output).toMatch(/denied|unauthorized|authentication/i);
  });

  it("is refused with ALLOW_PUSH=false, which the answer names", async () => {
    const login = ["--dest-creds", `${account.user}:${account.password}`];
    const { pushed } = await push({ ALLOW_PUSH: "false" }, login);
    expect(pushed.code).not.toBe(0);
    expect(pushed.output).toMatch(/ALLOW_PUSH|405/);
  });
});
