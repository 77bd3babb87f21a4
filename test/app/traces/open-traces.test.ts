import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("loads-main.ts", import.meta.url));

async function filesLoaded(env: Readonly<Record<string, string>>): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [main], { env });
  return Number(stdout);
}

it("loads nothing of OpenTelemetry before somebody wants traces", async () => {
  expect(await filesLoaded({ OTEL_SERVICE_NAME: "cache" })).toBe(0);
  expect(await filesLoaded({ OTEL_TRACES_EXPORTER: "console" })).toBeGreaterThan(10);
}, 30_000);
