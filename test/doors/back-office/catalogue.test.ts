import { expect, it } from "vitest";
import { ImageCatalogue } from "../../../src/doors/back-office/catalogue.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import type { Batch } from "../../../src/store/catalogue-store.ts";
import { longestTurn, staysBelow } from "../../support/longest-turn.ts";

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
