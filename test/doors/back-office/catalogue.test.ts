import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ImageCatalogue } from "../../../src/doors/back-office/catalogue.ts";
import type { Manifest } from "../../../src/protocol/manifest.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import type { Batch } from "../../../src/store/catalogue-store.ts";
import { SqliteCatalogue } from "../../../src/store/sqlite/sqlite-catalogue.ts";
import { longestTurn, staysBelow } from "../../support/longest-turn.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const digest = `sha256:${"a".repeat(64)}`;

it("thousands of pulls in half a minute hold nobody up while they are written down", async () => {
  const written: Batch[] = [];
  const catalogue = new ImageCatalogue({
    store: {
      write: (news) => written.push(news),
      parts: () => [],
      imagesIn: () => [],
      forget: () => undefined,
    },
    manifest: () => Promise.resolve(undefined),
    hosted: { called: (registry) => registry },
    traffic: new Map(),
    now: () => 1,
    onError: (error) => expect.unreachable(String(error)),
  });
  const pulled = (what: string) =>
    ({
      ...{ route: "manifest", method: "GET", status: 200, outcome: "hit", client: "192.0.2.1" },
      ...{ registry: "reg.test", repository: "fast/app", what, digest },
    }) as RegistryEvent;
  const flushed = () => {
    for (let index = 0; index < 20_000; index++)
      catalogue.note(pulled(index % 2 === 0 ? digest : "latest"));
    return longestTurn(() => catalogue.flush());
  };
  expect(await staysBelow(8, flushed)).toBe(true);
  expect(written.at(-1)?.images.map(({ reference }) => reference)).toContain("latest");
});

it("ten thousand names that a stranger asks for in half a minute hold nobody up either", async () => {
  const store = SqliteCatalogue.open(join(await temporaryFolder(), "statistics.sqlite"));
  onTestFinished(() => store.close());
  const numbered = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;
  const references = Array.from({ length: 10 }, (_, n) => ({ digest: numbered(n), size: 1 }));
  const catalogue = new ImageCatalogue({
    store,
    manifest: async () => ({ kind: "image", references }) as unknown as Manifest,
    hosted: { called: (registry) => registry },
    traffic: new Map(),
    now: () => 1,
    onError: (error) => expect.unreachable(String(error)),
  });
  let names = 0;
  const flushed = () => {
    for (let index = 0; index < 10_000; index++) {
      names += 1;
      catalogue.note({
        ...{ route: "manifest", method: "GET", status: 200, outcome: "miss", client: "192.0.2.1" },
        ...{ registry: "reg.test", repository: `app-${names}`, what: "1", digest: numbered(names) },
      } as RegistryEvent);
    }
    return longestTurn(() => catalogue.flush());
  };
  expect(await staysBelow(50, flushed)).toBe(true);
  expect(store.images({ search: "", sort: "name", offset: 0, limit: 1 }).total).toBe(names);
  expect(store.parts(numbered(names))).toHaveLength(10);
});
