import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { longFiles, namesTwice } from "./support/file-law.ts";
import { importBreaches, importCircles, unusedRooms } from "./support/import-law.ts";
import { promiseBreaches } from "./support/promise-law.ts";
import { expressionsIn, hostileText } from "./support/regex-law.ts";
import { roomsTable } from "./support/rooms.ts";
import { commentsIn, readSources, type SourceFiles } from "./support/source-files.ts";

const project = join(import.meta.dirname, "..");

describe("the house", () => {
  let sources: SourceFiles = new Map();
  beforeAll(async () => {
    sources = await readSources(project, "src");
  });

  it("imports downwards only, and every package has its home", () => {
    expect(importBreaches(sources)).toEqual([]);
  });

  it("lists no wing without a file, and no package that nobody imports", () => {
    expect(unusedRooms(sources)).toEqual([]);
  });

  it("has no circle of imports, not even of types", () => {
    expect(importCircles(sources)).toEqual([]);
  });

  it("has no file over 250 lines", () => {
    expect(longFiles(sources)).toEqual([]);
  });

  it("calls one type by one name, and no two by the same", () => {
    expect(namesTwice(sources)).toEqual([]);
  });

  it("waits for every promise", () => {
    expect(promiseBreaches(sources)).toEqual([]);
  });

  it("has no regular expression that takes more than linear time on hostile text", () => {
    const expressions = expressionsIn(sources);
    expect(expressions.length).toBeGreaterThan(100);
    const slow = expressions.flatMap(({ place, source, flags }) => {
      const text = hostileText({ source, flags });
      return text === undefined ? [] : [`${place}: /${source}/${flags} on ${text}`];
    });
    expect(slow).toEqual([]);
  });

  // Each of them is made of constants, or tried on hostile names where it is tested.
  it("builds regular expressions from text in few places only", () => {
    const builders = [...sources].filter(([, text]) => text.includes("new RegExp("));
    expect(builders.map(([path]) => path)).toEqual([
      "src/app/settings/load.ts",
      "src/protocol/glob.ts",
      "src/protocol/host-pattern.ts",
      "src/protocol/http/challenge.ts",
      "src/protocol/reference.ts",
    ]);
  });

  it("has every file that its guides name", async () => {
    const guides = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
    const decisions = await readdir(join(project, "docs/decisions"));
    const missing: string[] = [];
    for (const guide of [...guides, ...decisions.map((name) => `docs/decisions/${name}`)]) {
      const text = await readFile(join(project, guide), "utf8");
      for (const [, path = ""] of text.matchAll(/`((?:src\/)?\w[\w-]*\/[\w/.-]+\.ts)`/g)) {
        const isThere = [`src/${path}`, path].some((each) => existsSync(join(project, each)));
        if (!isThere) missing.push(`${guide} names ${path}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it("has every file that its comments name", () => {
    const paths = [...sources.keys()];
    const missing = [...sources].flatMap(([path, text]) =>
      (
        commentsIn(text)
          .join("\n")
          .match(/\b[\w-]+(?:\/[\w-]+)*\.ts\b/g) ?? []
      )
        .filter((name) => !paths.some((each) => each.endsWith(`/${name}`)))
        .map((name) => `${path} names ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it("is drawn in ARCHITECTURE.md as it is", async () => {
    const text = await readFile(join(project, "ARCHITECTURE.md"), "utf8");
    const table = /<!-- rooms -->\n([\s\S]*?)\n<!-- end of rooms -->/.exec(text)?.[1];
    expect(table).toBe(roomsTable());
  });
});
