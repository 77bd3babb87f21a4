import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { guides } from "./support/guide.ts";

const journeys = join(import.meta.dirname, "guides");

it.each(await readdir(guides))(
  "%s is followed by a journey that leaves nothing out",
  async (name) => {
    const journey = await readFile(join(journeys, name.replace(/md$/, "test.ts")), "utf8");
    expect(journey).toContain("guide.left()).toEqual([]");
  },
);
