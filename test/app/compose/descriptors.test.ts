/** A crowd must not take the last descriptor: registries and files need some too. */
import { expect, it } from "vitest";
import { roomForFiles, roomWithin } from "../../../src/app/compose/descriptors.ts";

it.each([
  ["1024", 256, 128],
  ["4096", 1_152, 512],
  ["65536", 10_000, 1_000],
  ["unlimited", 10_000, 1_000],
  ["256", 128, 32],
])(
  "with %s open files there may be %d connections and %d uploads",
  (files, connections, uploads) => {
    const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31000                31000                processes
Max open files            ${files.padEnd(21)}${files.padEnd(21)}files
`;
    expect(roomWithin(limits)).toEqual({ connections, uploads });
  },
);

it("the limit of this very process is read", async () => {
  expect((await roomForFiles()).connections).toBeGreaterThan(0);
});
