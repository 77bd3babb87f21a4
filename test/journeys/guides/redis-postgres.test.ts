import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { postgresServer, redisServer } from "../../support/record-servers.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { runEntrepot, startEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { type Environment, runWell } from "../support/program.ts";

describe("redis-postgres.md", () => {
  let guide: Guide;
  let folder = "";
  /** As the guide has them, in a folder of the test's own. */
  let shared: Environment = {};
  const here = (text: string): string => text.replaceAll("/etc/entrepot", folder);

  beforeAll(async () => {
    guide = await Guide.open("redis-postgres.md");
    folder = join(await temporaryFolder(), "etc");
    await mkdir(folder);
    await runWell("sh", ["-c", here(guide.take("openssl req -x509"))]);
  });

  /** What the doctor says with these settings, beside a server that runs with them and stops in order. */
  async function served(settings: Environment): Promise<string> {
    const env = { ...shared, ...settings, HOSTED_HOSTS: "registry.lan" };
    const home = await temporaryFolder();
    const entrepot = await startEntrepot(home, env);
    const ready = await (await fetch(`${entrepot.proxy}/readyz`)).text();
    expect(ready).not.toContain("away");
    const [, ...args] = guide.take("entrepot doctor").split(" ");
    const { output } = await runEntrepot(home, { ...env, DATA_DIR: entrepot.dataDir }, args);
    expect(await entrepot.stop()).toBe(0);
    return output;
  }

  it("PostgreSQL gets a login and a database, and keeps records and pushes", async () => {
    const server = await postgresServer();
    await server.start();
    const operator = { PGHOST: "127.0.0.1", PGPORT: String(server.port), PGUSER: "entrepot" };
    // The test's superuser has the name already.
    const command = guide.take("psql -c").replaceAll("entrepot", "keeper");
    await runWell("sh", ["-c", command], { env: { ...operator, PGDATABASE: "postgres" } });
    const { RECORDS = "", ...others } = guide.settings("RECORDS=postgres://");
    shared = Object.fromEntries(Object.entries(others).map(([name, text]) => [name, here(text)]));
    const url = RECORDS.replaceAll("entrepot", "keeper").replace("5432", String(server.port));
    const said = await served({ RECORDS: url });
    expect(said).toContain(`${url.replace("keeper:change-me@", "")} keeps records`);
    expect(said).toContain("keeps what is pushed");
  });

  it("Redis keeps them too, with the settings that make it keep", async () => {
    const settings = guide.take("maxmemory-policy noeviction").split("\n");
    const args = settings.flatMap((line) => `--${line}`.split(" "));
    const password = "change-me";
    const server = await redisServer({ args: [...args, "--requirepass", password], password });
    await server.start();
    const { RECORDS = "" } = guide.settings("RECORDS=redis://");
    const url = RECORDS.replace("6379", String(server.port));
    const said = await served({ RECORDS: url, PORT: String(await freePort()) });
    expect(said).toContain(`${url.replace(":change-me@", "")} keeps records`);
    expect(said).toContain("keeps what is pushed");
    expect(said).not.toContain("change-me");
  });

  it("leaves nothing out", () => {
    expect(guide.left()).toEqual([]);
  });
});
