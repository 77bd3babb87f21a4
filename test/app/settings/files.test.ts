import { describe, expect, it } from "vitest";
import { settingsFrom } from "./loading.ts";

describe("files and log", () => {
  it("lie below the working folder and tell of every request", async () => {
    const { files } = await settingsFrom({});
    expect(files).toEqual({
      ...{ dataDir: "./data", logLevel: "info", logFormat: undefined },
      metricsRepositories: 0,
    });
  });

  it("lie and look as asked", async () => {
    const { files } = await settingsFrom({
      DATA_DIR: "/srv/entrepot",
      LOG_LEVEL: "WARN",
      LOG_FORMAT: "pretty",
      METRICS_REPOSITORIES: "20",
    });
    expect(files).toEqual({
      ...{ dataDir: "/srv/entrepot", logLevel: "warn", logFormat: "pretty" },
      metricsRepositories: 20,
    });
  });
});
