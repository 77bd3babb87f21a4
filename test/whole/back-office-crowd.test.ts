/** Many look at the back office at once, and nobody's pull waits for what they look at. */
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ImageNews, ManifestPart } from "../../src/store/catalogue-store.ts";
import { SqliteCatalogue } from "../../src/store/sqlite/sqlite-catalogue.ts";
import { longestTurn, staysBelow } from "../support/longest-turn.ts";
import { type Program, Scene } from "./support/program.ts";

const registries = 40;
const minute = 60_000;

const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

/** Of 10,000 images, each for four platforms of eight layers, and a day of forty registries' minutes. */
async function lotsOfImages(scene: Scene): Promise<Program> {
  const first = await scene.start();
  await first.stop();
  const store = SqliteCatalogue.open(join(scene.folder, "data", "statistics.sqlite"));
  const layers = (from: number, platform?: string): readonly ManifestPart[] =>
    Array.from({ length: 8 }, (_, index) => ({
      ...{ digest: digestOf(from + index), size: 1_000, platform },
    }));
  const parts = Array.from({ length: 4 }, (_, platform) => ({
    ...{ digest: digestOf(platform), size: 500, platform: `linux/${platform}` },
  }));
  const platforms = parts.map(({ digest }, index) => ({ digest, parts: layers(100 + 8 * index) }));
  const now = Date.now();
  const images = Array.from({ length: 10_000 }, (_, index): ImageNews => {
    const name = { registry: "docker.io", repository: `team-${index % 7}/app-${index}` };
    return {
      ...{ ...name, reference: "latest", digest: digestOf(1_000_000 + index), seenAt: now - index },
      ...{ pulls: 1, pulledAt: now - index },
    };
  });
  const lists = images.map(({ digest }) => ({ digest, parts }));
  store.write({ at: now, images, parts: [...platforms, ...lists], sums: [] });
  const one = { requests: 1, errors: 0, pulls: 1, cachedPulls: 0, sent: 9, saved: 0, fetched: 9 };
  const sums = Array.from({ length: registries }, (_, n) => ({
    registry: `r${n}.test`,
    sums: one,
  }));
  for (let ago = 1_000; ago >= 0; ago -= 1)
    store.write({ at: now - ago * minute, images: [], parts: [], sums });
  store.close();
  return scene.start();
}

it("eight who read lists of 10,000 images in one go keep nobody waiting for 50 ms", async () => {
  const program = await lotsOfImages(await Scene.open());
  const read = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${program.adminPort}${path}`);
    expect([path, answer.status]).toEqual([path, 200]);
    return await answer.text();
  };
  const eight = (pathOf: (n: number) => string): Promise<unknown> =>
    Promise.all(Array.from({ length: 8 }, (_, n) => read(pathOf(n))));
  await read("/");
  for (const pathOf of [
    () => "/api/v1/images?limit=200",
    (n: number) => `/api/v1/images?limit=200&offset=${n * 1_000}`,
    (n: number) => `/api/v1/images?limit=200&sort=pulls&offset=${n * 1_000}`,
    (n: number) => `/api/v1/images?limit=200&sort=name&search=team-${n}+app`,
    () => "/api/v1/stats",
    () => "/metrics",
    () => "/",
  ]) {
    const measure = async () => longestTurn(() => eight(pathOf));
    expect([pathOf(0), await staysBelow(50, measure)]).toEqual([pathOf(0), true]);
  }
});
