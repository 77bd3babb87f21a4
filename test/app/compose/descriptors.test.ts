/** A crowd must not take the last descriptor: registries and files need some too. */
import { expect, it } from "vitest";
import { connectionsWithin, mostConnections } from "../../../src/app/compose/descriptors.ts";

it.each([
  ["1024", 298],
  ["4096", 1_322],
  ["65536", 10_000],
  ["unlimited", 10_000],
  ["256", 128],
])("with %s open files there may be %d connections", (files, connections) => {
  const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31000                31000                processes
Max open files            ${files.padEnd(21)}${files.padEnd(21)}files
`;
  expect(connectionsWithin(limits)).toBe(connections);
});

it("the limit of this very process is read", async () => {
  expect(await mostConnections()).toBeGreaterThan(0);
});
