import { describe, expect, it } from "vitest";
import { importBreaches, importCircles, unusedRooms } from "./import-law.ts";

const breaches = (path: string, text: string) => importBreaches(new Map([[path, text]]));

describe("the import law", () => {
  it.each([
    ["src/cache/a.ts", 'import { b } from "../store/b.ts";'],
    ["src/cache/a.ts", 'import type { B } from "../store/disk/b.ts";'],
    ["src/protocol/a.ts", 'import { isIPv4, isIPv6 as six } from "node:net";'],
    ["src/protocol/a.ts", 'import type { Readable } from "undici";'],
    ["src/cache/a.ts", 'import { pipeline } from "node:stream/promises";'],
    ["src/store/disk/a.ts", 'import { rm } from "node:fs/promises";'],
    ["src/store/disk/a.ts", 'import { holds } from "../holds.ts";'],
    ["src/upstream/a.ts", 'import { b } from "./auth/b.ts";'],
    ["src/doors/proxy/authority/a.ts", 'import { b } from "../connect.ts";'],
    ["src/store/keyv/a.ts", 'import { K } from "@keyv/sqlite";'],
    ["src/cache/a.ts", '// import { b } from "../app/b.ts";\nimport "./b.ts";'],
    ["src/registry/a.ts", 'import type { B } from "../store/b.ts";'],
    ["src/app/compose/a.ts", 'import { b } from "../settings/b.ts";'],
  ])("lets %s have %s", (path, text) => {
    expect(breaches(path, text)).toEqual([]);
  });

  it.each([
    ["src/registry/bad.ts", 'import { A } from "undici";', "registry may not reach undici"],
    [
      "src/registry/bad.ts",
      'import { A } from "../store/blob-store.ts";',
      "registry may not import store",
    ],
    [
      "src/store/a.ts",
      'import {\n  a,\n  b,\n} from "../cache/b.ts";',
      "store may not import cache",
    ],
    ["src/store/a.ts", 'import type { B } from "../cache/b.ts";', "cache is not below store"],
    ["src/registry/a.ts", 'import { type B } from "../store/b.ts";', "may not import store"],
    [
      "src/doors/proxy/b.ts",
      'import { a } from "../mirror/a.ts";',
      "doors/proxy may not import mirror",
    ],
    [
      "src/app/settings/a.ts",
      'import { b } from "../compose/b.ts";',
      "app/settings may not import compose",
    ],
    ["src/cache/a.ts", 'import { BlockList, connect } from "node:net";', "may not reach node:net"],
    ["src/cache/a.ts", 'import net from "node:net";', "may not reach node:net"],
    ["src/cache/a.ts", 'const a = await import("node:fs/promises");', "may not reach node:fs"],
    ["src/cache/a.ts", 'import "../doors/b.ts";', "cache may not import doors"],
    ["src/cache/a.ts", 'export { b } from "../doors/b.ts";', "cache may not import doors"],
    ["src/cache/a.ts", 'import { x } from "../x.ts";', "it lies in no room"],
  ])("says of %s with %s: %s", (path, text, why) => {
    expect(breaches(path, text)).toEqual([expect.stringContaining(why)]);
  });

  it("tells of a wing without a file, and of a package that is imported as a type alone", () => {
    const files = new Map([
      ["src/store/disk/a.ts", 'import { rm } from "node:fs/promises";'],
      ["src/store/b.ts", 'import type { Keyv } from "keyv";'],
    ]);
    const unused = unusedRooms(files);
    expect(unused).toEqual(expect.arrayContaining(["store/keyv", "store: keyv"]));
    expect(unused).not.toContain("store/disk");
    expect(unused).not.toContain("store: node:fs");
  });

  it.each(["src/util/a.ts", "src/a.ts"])("finds that %s lies in no room", (path) => {
    expect(breaches(path, "")).toEqual([`${path} lies in no room`]);
  });
});

it("finds a circle, of types too", () => {
  const files = new Map([
    ["src/cache/a.ts", 'import { b } from "./b.ts";'],
    ["src/cache/b.ts", 'import type { C } from "./deep/c.ts";'],
    ["src/cache/deep/c.ts", 'import type { A } from "../a.ts";'],
    ["src/cache/d.ts", 'import { a } from "./a.ts";'],
  ]);
  expect(importCircles(files)).toEqual([
    "src/cache/a.ts → src/cache/b.ts → src/cache/deep/c.ts → src/cache/a.ts",
  ]);
});
