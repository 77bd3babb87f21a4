import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "./temp-folder.ts";

describe("a temporary folder", () => {
  const made: string[] = [];
  let ofTheFile = "";
  beforeAll(async () => {
    ofTheFile = await temporaryFolder();
  });
  beforeEach(async () => {
    made.push(await temporaryFolder());
  });
  afterAll(() => expect(made.some((folder) => existsSync(folder))).toBe(false));

  it("is there during its test", () => {
    expect([made[0], ofTheFile].every((folder) => existsSync(folder ?? ""))).toBe(true);
  });

  it("is gone in the next, unless it was made for all of them", () => {
    expect(existsSync(made[0] ?? "")).toBe(false);
    expect(existsSync(ofTheFile)).toBe(true);
  });
});
