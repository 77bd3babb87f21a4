/** Engines told that a registry is insecure try TLS first, and go on in plain HTTP by themselves. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  request as plainRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { environment } from "./support/clients/client.ts";
import { startDocker } from "./support/clients/docker.ts";
import { requestsIn } from "./support/entrepot.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { run, runWell } from "./support/program.ts";
import { startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { spare } from "./support/upstream/look-alikes.ts";

/** Nobody may be asked at another port than the usual ones whom nobody named. */
const unnamed = `${spare.host}:80`;
const named = `${spare.host}:5000`;

describe("a registry that speaks plain HTTP alone", { timeout: 120_000 }, () => {
  let journey: Journey;
  /** What came in plain HTTP, by `Host`. */
  const asked: string[] = [];

  beforeAll(async () => {
    journey = await Journey.begin();
    const folder = join(journey.folder, "plain");
    const storage = join(folder, "images");
    await mkdir(storage, { recursive: true });
    const registry = await startDockerRegistry({ storage, folder });
    journey.atEnd(() => registry.stop());
    const layout = join(folder, "layout");
    await makeImageLayout(layout, {
      ...{ tag: "1", platforms: ["linux/amd64"], layers: [50_000], seed: randomUUID() },
    });
    await runWell(
      "skopeo",
      [
        ...["copy", "--insecure-policy", "--dest-tls-verify=false", `oci:${layout}:1`],
        `docker://127.0.0.1:${registry.port}/team/app:1`,
      ],
      { env: { HOME: folder } },
    );
    for (const port of [80, 5000]) {
      const server = createServer((request, response) => {
        asked.push(request.headers.host ?? "");
        void relay(registry.port, request, response).catch(() => response.destroy());
      });
      await listen(server, port);
      journey.atEnd(async () => {
        server.close();
        server.closeAllConnections();
      });
    }
  }, 120_000);
  afterAll(() => journey?.end());

  for (const [what, registry, env] of [
    ["that nobody named", unnamed, {}],
    ["that is named http://", named, { REGISTRIES: `http://${named}` }],
  ] as const) {
    describe(what, () => {
      it.skipIf(!hasProgram("dockerd"))("is pulled from by dockerd, twice", async () => {
        const entrepot = await journey.entrepot(env, `docker-${registry.replace(":", "-")}`);
        const client = await journey.client(
          (surroundings) => startDocker(surroundings, [`--insecure-registry=${registry}`]),
          entrepot.trust,
          entrepot.proxy,
        );
        asked.length = 0;
        for (const _time of ["cold", "warm"]) {
          const { code, output } = await client.pull(`${registry}/team/app:1`);
          expect([code, output]).toEqual([0, expect.stringContaining("Digest: sha256:")]);
          await client.wipe();
        }
        expect(asked).not.toEqual([]);
        await eventually(() => expect(cacheOf(entrepot.lines)).toContain("hit"));
      });

      it.skipIf(!hasProgram("skopeo"))("is copied from by skopeo", async () => {
        const name = `skopeo-${registry.replace(":", "-")}`;
        const entrepot = await journey.entrepot(env, name);
        const folder = join(journey.folder, name);
        const { trust, proxy } = entrepot;
        const { code, output } = await run(
          "skopeo",
          [
            ...["copy", "--insecure-policy", "--src-tls-verify=false"],
            ...[`docker://${registry}/team/app:1`, `dir:${join(folder, "copy")}`],
          ],
          { env: { ...environment({ folder, trust, proxy }), HOME: folder } },
        );
        expect([code, output]).toEqual([0, expect.any(String)]);
        await eventually(() => expect(cacheOf(entrepot.lines)).toContain("miss"));
      });
    });
  }
});

/** How what was asked for of the image was had. */
function cacheOf(lines: readonly string[]): readonly (string | undefined)[] {
  return requestsIn(lines)
    .filter(({ repository }) => repository === "team/app")
    .map(({ cache }) => cache);
}

async function listen(server: Server, port: number): Promise<void> {
  const ready = Promise.withResolvers<void>();
  server.once("error", ready.reject);
  server.listen(port, spare.address, ready.resolve);
  await ready.promise;
}

async function relay(
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url: path, headers } = request;
  const answered = Promise.withResolvers<IncomingMessage>();
  const out = plainRequest({ host: "127.0.0.1", port, method, path, headers });
  out.once("response", answered.resolve).once("error", answered.reject);
  await pipeline(request, out);
  const answer = await answered.promise;
  response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  await pipeline(answer, response);
}
