import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { type CommandedClient, environment } from "./support/clients/client.ts";
import { startDocker } from "./support/clients/docker.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { runWell } from "./support/program.ts";
import { startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { openFront } from "./support/upstream/front.ts";
import { spare } from "./support/upstream/look-alikes.ts";
import { type UploadShape, UploadShapes } from "./support/upstream/upload-shapes.ts";

const login = ["carol", "CANARY-carol"] as const;
const { host } = spare;
const image = `${host}/corp/pushed:1`;

describe
  .skipIf(!hasProgram("dockerd") || !hasProgram("skopeo"))
  .each<UploadShape>(["GitHub's", "Google's"])(
  "dockerd pushes through the proxy to a registry with uploads of %s shape",
  (shape) => {
    let journey: Journey;
    let storage = "";
    let ca = "";
    let docker: CommandedClient;
    let front: UploadShapes;

    beforeAll(async () => {
      journey = await Journey.begin();
      const folder = join(journey.folder, host);
      storage = join(folder, "images");
      await mkdir(storage, { recursive: true });
      const registry = await startDockerRegistry({ storage, folder });
      journey.atEnd(() => registry.stop());
      front = new UploadShapes(shape, registry.port, login.join(":"));
      const authority = makeAuthority("Uploads' authority");
      ca = join(folder, "ca.pem");
      await writeFile(ca, authority.ca);
      const certificate = authority.issue([host]);
      const server = await openFront(host, spare.address, certificate, (request, response) =>
        front.answer(request, response),
      );
      journey.atEnd(async () => {
        server.close();
        server.closeAllConnections();
      });
      const entrepot = await journey.entrepot({
        ...{ UPSTREAM_CA: ca, REGISTRIES: host },
        POLICY: `{"allow": ["${host}/corp/**"]}`,
      });
      docker = await journey.client(
        (surroundings) => startDocker(surroundings),
        ...([entrepot.trust, entrepot.proxy] as const),
      );
      await docker.command("login", "--username", login[0], "--password", login[1], host);
      await load(folder);
    }, 120_000);
    afterAll(() => journey?.end());

    /** Into dockerd's own store, under the name it is pushed to. */
    async function load(folder: string): Promise<void> {
      const layout = join(folder, "layout");
      const recipe = { tag: "1", platforms: ["linux/amd64"], layers: [3_000_000, 50_000] };
      await makeImageLayout(layout, { ...recipe, seed: randomUUID() });
      const archive = join(folder, "image.tar");
      await skopeo(`oci:${layout}:1`, `docker-archive:${archive}:${image}`);
      const loaded = await docker.command("load", "--input", archive);
      expect([loaded.code, loaded.output]).toEqual([0, expect.stringContaining(image)]);
    }

    function skopeo(from: string, to: string) {
      const creds = from.startsWith("docker:") ? ["--src-creds", login.join(":")] : [];
      const env = environment({ folder: journey.folder, trust: ca });
      return runWell("skopeo", ["copy", "--insecure-policy", ...creds, from, to], { env });
    }

    async function push(): Promise<void> {
      const pushed = await docker.command("push", image);
      expect([pushed.code, pushed.output]).toEqual([0, expect.stringContaining("digest: sha256:")]);
    }

    /** What the registry gives to who asks it directly. */
    async function pulledDirectly(): Promise<readonly string[]> {
      const layout = join(journey.folder, randomUUID());
      await skopeo(`docker://${image}`, `oci:${layout}:1`);
      const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
      const file = join(layout, "blobs", manifests[0].digest.replace(":", "/"));
      const { layers } = JSON.parse(await readFile(file, "utf8"));
      return layers.map(({ digest }: { digest: string }) => digest);
    }

    it("and again when the registry has collected a layer meanwhile", async () => {
      await push();
      const uploads = front.asked.filter(({ method }) => method === "PATCH" || method === "PUT");
      const paths = shape === "GitHub's" ? /^\/v2\/corp\/pushed\/blobs\/upload\// : /^\/artifacts-/;
      expect(uploads.filter(({ path }) => paths.test(path)).length).toBeGreaterThan(2);
      const layers = await pulledDirectly();
      expect(layers).toHaveLength(2);
      await collect(layers[0] ?? "");
      await expect(pulledDirectly()).rejects.toThrow();
      await push();
      expect(await pulledDirectly()).toEqual(layers);
    });

    /** As its garbage collector does with a layer that nothing names any more. */
    async function collect(digest: string): Promise<void> {
      const [, hex = ""] = digest.split(":");
      const root = join(storage, "docker/registry/v2");
      await rm(join(root, "blobs/sha256", hex.slice(0, 2), hex), { recursive: true });
      await rm(join(root, "repositories/corp/pushed/_layers/sha256", hex), { recursive: true });
    }
  },
);
