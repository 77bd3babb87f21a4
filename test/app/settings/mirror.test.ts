import { describe, expect, it } from "vitest";
import { defaultRegistry } from "../../../src/app/settings/derived.ts";
import { settingsFrom } from "./loading.ts";

describe("the mirror", () => {
  it("stands for Docker Hub unless told otherwise", async () => {
    const settings = await settingsFrom({});
    expect(settings.mirror).toMatchObject({ hosts: [], config: [], acmeHttpPort: 80 });
    expect(defaultRegistry(settings)).toEqual({ name: "docker.io", scheme: "https" });
  });

  it("takes CONFIG from the environment, where CONFIG_FILE is something else", async () => {
    const settings = await settingsFrom({
      CONFIG: '[{"registry": "ghcr.io"}, "gcr.io"]',
      CONFIG_FILE: "/etc/entrepot.yaml",
    });
    expect(settings.mirror.config.map((each) => each.registry.name)).toEqual(["ghcr.io", "gcr.io"]);
    expect(defaultRegistry(settings).name).toBe("ghcr.io");
  });
});
