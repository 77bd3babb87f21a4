import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { setupDocker } from "../../src/doors/front-page/setup-docker.ts";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "../../systemd");
const analyze = "/usr/bin/systemd-analyze";

it.skipIf(!existsSync(analyze))("Entrepot's own unit scores 1.5 or better", async () => {
  const unit = join(folder, "entrepot.service");
  const options = ["security", "--offline=true", "--threshold=15", "--no-pager"];
  const { stdout } = await run(analyze, [...options, unit]);
  expect(stdout).toMatch(/exposure level for entrepot\.service: (?:0\.\d|1\.[0-5]) /);
});

it("dockerd's drop-in says what the set-up script writes", async () => {
  const text = await readFile(join(folder, "docker.service.d/proxy-entrepot.conf"), "utf8");
  const body = setupDocker.body({
    proxy: "docker-registry.local:3128",
    mirror: "http://docker-registry.local:3128",
    root: "",
    fingerprint: "",
    registries: [],
  });
  const lines = text.split("\n").filter((line) => line.startsWith("Environment"));
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(body).toContain(line);
});
