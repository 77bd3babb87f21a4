import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Batch, Sums } from "../../../src/store/catalogue-store.ts";
import { SqliteCatalogue } from "../../../src/store/sqlite/sqlite-catalogue.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { timeSpent } from "../../support/longest-turn.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const none: Batch = { at: 0, images: [], parts: [], sums: [] };
const one: Sums = {
  ...{ requests: 1, errors: 0, pulls: 1, cachedPulls: 0, sent: 10, saved: 0, fetched: 10 },
};
const minute = 60_000;
const day = 1_440 * minute;

async function opened(path?: string) {
  const file = path ?? join(await temporaryFolder(), "statistics.sqlite");
  const store = SqliteCatalogue.open(file);
  onTestFinished(() => store.close());
  return { store, file };
}

function news(index: number, pulls = 1) {
  return {
    ...{ registry: "docker.io", repository: `team-${index % 7}/app-${index}`, reference: "latest" },
    ...{ digest: `sha256:${index}`, seenAt: index, pulls, pulledAt: pulls > 0 ? index : undefined },
  };
}

describe("the catalogue on disk", () => {
  it("adds to what it knows of a name, and has it after a restart", async () => {
    const { store, file } = await opened();
    store.write({ ...none, images: [news(1, 0)] });
    store.write({ ...none, images: [{ ...news(1, 3), digest: "sha256:moved", pulledAt: 50 }] });
    store.close();
    const again = (await opened(file)).store;
    const name = { registry: "docker.io", repository: "team-1/app-1", reference: "latest" };
    expect(again.image(name)).toEqual({
      ...{ ...name, digest: "sha256:moved", firstSeen: 1, lastPull: 50, pulls: 3 },
    });
  });

  it("finds a page among 10,000 images within 100 ms", async () => {
    const { store } = await opened();
    store.write({ ...none, images: Array.from({ length: 10_000 }, (_, index) => news(index)) });
    const query = { search: "TEAM-3 app-99", sort: "last", offset: 0, limit: 50 } as const;
    expect(timeSpent(() => store.images(query))).toBeLessThan(100);
    const { images, total } = store.images(query);
    expect(total).toBe(17);
    expect(images[0]).toMatchObject({ repository: "team-3/app-9999" });
    expect(images.every(({ repository }) => /team-3.*app-99/.test(repository))).toBe(true);
  });

  it("takes no search for SQL", async () => {
    const { store } = await opened();
    store.write({ ...none, images: [news(1)] });
    const query = { search: "' OR 1=1 -- %_", sort: "name", offset: 0, limit: 5 } as const;
    expect(store.images(query).total).toBe(0);
  });

  it("keeps minutes for a day, hours for a month, days for two years", async () => {
    const { store } = await opened();
    const sums = [{ registry: "docker.io", sums: one }];
    store.write({ ...none, at: 10 * minute, sums });
    store.write({ ...none, at: 10 * minute + 20_000, sums });
    store.write({ ...none, at: 12 * minute, sums });
    expect(store.sums("minute", 0)).toMatchObject([{ sums: { pulls: 2 } }, { sums: { pulls: 1 } }]);
    expect(store.sums("hour", 0)).toMatchObject([{ at: 0, sums: { pulls: 3, sent: 30 } }]);
    store.write({ ...none, at: 2 * day, sums });
    expect(store.sums("minute", 0)).toHaveLength(1);
    expect(store.sums("hour", 0)).toHaveLength(2);
    store.write({ ...none, at: 60 * day, sums });
    expect(store.sums("hour", 0)).toHaveLength(1);
    expect(store.sums("day", 0)).toHaveLength(3);
    store.write({ ...none, at: 750 * day, sums });
    expect(store.sums("day", 0)).toHaveLength(2);
  });

  it("writes all of a batch or nothing", async () => {
    const { store } = await opened();
    const broken = { registry: "x", sums: { ...one, pulls: {} as never } };
    expect(() => store.write({ ...none, images: [news(1)], sums: [broken] })).toThrow(StoreError);
    expect(store.images({ search: "", sort: "name", offset: 0, limit: 5 }).total).toBe(0);
    store.write({ ...none, images: [news(1)] });
    expect(store.images({ search: "", sort: "name", offset: 0, limit: 5 }).total).toBe(1);
  });
});
