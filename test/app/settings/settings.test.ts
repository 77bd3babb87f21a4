import { describe, expect, it } from "vitest";
import { flagOf, keyOf } from "../../../src/app/settings/setting.ts";
import { allSettings } from "../../../src/app/settings/settings.ts";

describe("the table of settings", () => {
  it("has each name, flag and key once", () => {
    const settings = allSettings();
    for (const of of [keyOf, flagOf]) {
      const words = settings.map(of).filter((word) => word !== undefined);
      expect(new Set(words).size).toBe(words.length);
    }
  });

  it("has a sentence of help for each", () => {
    for (const { help, name } of allSettings()) {
      expect(help, name).toMatch(/^[A-Z].*\.$/s);
    }
  });

  it("has defaults that can be read", () => {
    for (const setting of allSettings()) {
      if (setting.default === undefined || setting.kind.isStructured === true) continue;
      expect(() => setting.kind.parse(setting.default), setting.name).not.toThrow();
    }
  });
});
