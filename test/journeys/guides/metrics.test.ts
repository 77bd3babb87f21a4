import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { runEntrepot, startEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { runWell } from "../support/program.ts";

describe("metrics.md", () => {
  let guide: Guide;
  let stop = async (): Promise<number> => 0;
  beforeAll(async () => {
    guide = await Guide.open("metrics.md");
    const entrepot = await startEntrepot(await temporaryFolder(), { ADMIN_PORT: "3129" });
    stop = entrepot.stop;
  });
  afterAll(() => stop());

  it("curl shows the metrics on this machine", async () => {
    const command = guide.take("grep pulls_total").replace(/^\$ /, "");
    const { stdout } = await runWell("sh", ["-c", command]);
    expect(stdout).toContain("entrepot_pulls_total");
  });

  it("from another machine a token opens them, under the name that is set", async () => {
    const token = "CANARY-read-token";
    const port = await freePort();
    const { ADMIN_HOST = "", ADMIN_HOSTS = "" } = guide.settings("ADMIN_READ_TOKEN=");
    const entrepot = await startEntrepot(await temporaryFolder(), {
      ...{ ADMIN_HOST, ADMIN_HOSTS, ADMIN_READ_TOKEN: token, ADMIN_PORT: String(port) },
    });
    const ask = async (...more: readonly string[]): Promise<string> => {
      const args = ["-s", "-o", "/dev/null", "-w", "%{http_code}", ...more];
      const host = ["-H", `Host: ${ADMIN_HOSTS}:${port}`];
      const { stdout } = await runWell("curl", [
        ...args,
        ...host,
        `http://127.0.0.1:${port}/metrics`,
      ]);
      return stdout.trim();
    };
    expect(await ask("-H", `Authorization: Bearer ${token}`)).toBe("200");
    expect(await ask()).toBe("401");
    await entrepot.stop();
  });

  it.each(['127.0.0.1:3129"]', "credentials_file"])(
    "Prometheus takes the configuration with %s",
    async (words) => {
      const file = join(await temporaryFolder(), "prometheus.yml");
      await writeFile(file, guide.take(words));
      await runWell("promtool", ["check", "config", "--syntax-only", file]);
    },
  );

  it("entrepot dashboard is a command", async () => {
    const help = await runEntrepot(await temporaryFolder(), {}, ["dashboard", "--help"]);
    expect(help.code).toBe(0);
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
