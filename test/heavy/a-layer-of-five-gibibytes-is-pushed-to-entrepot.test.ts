import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeImageLayout } from "../journeys/support/image-layout.ts";
import { hasProgram } from "../journeys/support/journey.ts";
import { run } from "../journeys/support/program.ts";
import { creds, PushDoors } from "../journeys/support/push-doors.ts";

const GiB = 1024 ** 3;
const limitMs = 1_500_000;

type Manifest = { readonly layers: readonly { readonly digest: string; readonly size: number }[] };

describe.skipIf(!hasProgram("skopeo"))("a layer of 5 GiB, pushed to Entrepot itself", () => {
  let doors: PushDoors;
  let layout = "";
  beforeAll(async () => {
    doors = await PushDoors.begin();
    layout = join(doors.journey.folder, "layout");
    const recipe = { tag: "1", platforms: ["linux/amd64"], layers: [5 * GiB] };
    await makeImageLayout(layout, { ...recipe, seed: "five" });
  });
  afterAll(() => doors?.journey.end());

  it.each(["proxy", "plain"] as const)(
    "comes out as it went in at the %s door, in 256 MiB of memory",
    async (door) => {
      const { name, env, isTls } = await doors.at(door);
      const repository = `heavy/${door}`;
      const to = [`--dest-tls-verify=${isTls}`, "--dest-creds", creds];
      const image = `docker://${name}/${repository}:1`;
      const args = ["copy", "--insecure-policy", ...to, `oci:${layout}:1`, image];
      const pushed = await run("skopeo", args, { env, limitMs });
      expect([pushed.code, pushed.output]).toEqual([0, expect.any(String)]);

      const authorization = `Basic ${Buffer.from(creds).toString("base64")}`;
      const base = `http://localhost:${doors.entrepot.port}/v2/${repository}`;
      const asked = { headers: { authorization, accept: "*/*" } };
      const { layers } = (await (await fetch(`${base}/manifests/1`, asked)).json()) as Manifest;
      const layer = layers[0] ?? { digest: "", size: 0 };
      expect(layer.size).toBeGreaterThan(5 * GiB);
      const { body } = await fetch(`${base}/blobs/${layer.digest}`, asked);
      const hash = createHash("sha256");
      for await (const piece of body ?? []) hash.update(piece as Uint8Array);
      expect(`sha256:${hash.digest("hex")}`).toBe(layer.digest);

      const status = await readFile(`/proc/${doors.entrepot.pid}/status`, "utf8");
      const most = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
      process.stdout.write(
        `${door}: pushed in ${pushed.seconds.toFixed(0)} s, ${most} MiB at most\n`,
      );
      expect(most).toBeLessThanOrEqual(256);
      // Two of them at a time are more than many a disk has room for.
      await run("skopeo", ["delete", `--tls-verify=${isTls}`, "--creds", creds, image], { env });
    },
  );

  it("leaves no password in the log", async () => {
    expect(doors.leaks).toEqual([]);
    await rm(layout, { recursive: true });
  });
});
