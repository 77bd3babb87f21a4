import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { longFiles } from "./support/file-law.ts";
import { importBreaches } from "./support/import-law.ts";
import { promiseBreaches } from "./support/promise-law.ts";
import { roomsTable } from "./support/rooms.ts";
import { readSources, type SourceFiles } from "./support/source-files.ts";

const project = join(import.meta.dirname, "..");

describe("the house", () => {
  let sources: SourceFiles = new Map();
  beforeAll(async () => {
    sources = await readSources(project, "src");
  });

  it("imports downwards only, and every package has its home", () => {
    expect(importBreaches(sources)).toEqual([]);
  });

  it("has no file over 250 lines", () => {
    expect(longFiles(sources)).toEqual([]);
  });

  it("waits for every promise", () => {
    expect(promiseBreaches(sources)).toEqual([]);
  });

  it("is drawn in ARCHITECTURE.md as it is", async () => {
    const text = await readFile(join(project, "ARCHITECTURE.md"), "utf8");
    const table = /<!-- rooms -->\n([\s\S]*?)\n<!-- end of rooms -->/.exec(text)?.[1];
    expect(table).toBe(roomsTable());
  });
});
