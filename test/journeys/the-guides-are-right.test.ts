import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { guides } from "./support/guide.ts";

const journeys = join(import.meta.dirname, "guides");
/** Those that say how a set-up is replaced share a journey. */
const replacing = "../six-set-ups-are-replaced-within-three-minutes-each.test.ts";

it.each(await readdir(guides))(
  "%s is followed by a journey that leaves nothing out",
  async (name) => {
    const isReplacing = name.startsWith("from-");
    const path = isReplacing ? replacing : name.replace(/md$/, "test.ts");
    const journey = await readFile(join(journeys, path), "utf8");
    if (isReplacing) expect(journey).toContain(`Guide.open("${name}")`);
    expect(journey).toContain("guide.left()).toEqual([]");
  },
);
