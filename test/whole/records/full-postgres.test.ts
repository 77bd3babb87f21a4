/** PostgreSQL whose volume is full: what is there is read on, and what comes is refused at once, with a sentence. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { allOf } from "../../contracts/pushed-records.ts";
import { keysOf } from "../../contracts/record-store.ts";
import { eventually } from "../../support/eventually.ts";
import { failureOf } from "./failure-of.ts";
import { type PostgresBackend, postgresBackend } from "./servers.ts";

const isRoot = process.getuid?.() === 0;
/** Of the tablespace; a page is 8 KiB. */
const room = "2m";

describe.skipIf(!isRoot)("a PostgreSQL without room", () => {
  let backend: PostgresBackend;

  beforeEach(async () => {
    backend = await postgresBackend();
    const { folder, data } = backend.server;
    const volume = join(folder, "small");
    mkdirSync(volume);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${room}`, "tmpfs", volume]);
    onTestFinished(async () => {
      await backend.server.stop();
      execFileSync("umount", [volume]);
    });
    const { uid, gid } = statSync(data);
    chownSync(volume, uid, gid);
    await backend.asOperator(async (client) => {
      await client.query(`CREATE TABLESPACE small LOCATION '${volume}'`);
      await client.query("ALTER ROLE entrepot SET default_tablespace = 'small'");
    });
  });

  /** Somebody else's table takes what is left, until it is dropped. */
  async function fill(): Promise<void> {
    await backend.asOperator(async (client) => {
      await client.query("CREATE TABLE filler (text text) TABLESPACE small");
      await client.query("ALTER TABLE filler ALTER COLUMN text SET STORAGE PLAIN");
      for (;;) {
        const text = randomBytes(3_900).toString("hex");
        const insert = client.query("INSERT INTO filler VALUES ($1)", [text]);
        if (
          await insert.then(
            () => false,
            () => true,
          )
        )
          return;
      }
    });
  }

  const empty = () => backend.asOperator((client) => client.query("DROP TABLE filler"));
  const large = (): string => randomBytes(3_500).toString("base64url");

  it("reads records on, refuses new ones within 300 ms, and takes them 2 s after there is room", async () => {
    const records = await backend.records();
    await records.set("tag/a", 1);
    await fill();
    const refusals = [];
    for (let index = 0; index < 20; index += 1) {
      refusals.push(await failureOf(records.set(`tag/${index}`, large())));
      refusals.push(
        await failureOf(records.setMany([{ key: `tag/many${index}`, value: large() }])),
        await failureOf(records.putIfAbsent(`tag/new${index}`, large())),
      );
    }
    // What fits into pages that are there still goes in.
    const refused = refusals.filter((each) => each !== undefined);
    expect(refused.length).toBeGreaterThan(30);
    for (const each of refused) {
      expect(each).toMatchObject({ name: "StoreError", code: "RECORDS" });
      expect(String(each)).toMatch(/could not extend file|No space left/);
    }
    expect(await records.get("tag/a")).toBe(1);
    expect(await keysOf(records, "tag/a")).toEqual(["tag/a"]);
    expect(records.away).toBeUndefined();
    const from = performance.now();
    await empty();
    await eventually(() => records.set("tag/back", large()), { withinMs: 2_000 });
    expect(performance.now() - from).toBeLessThan(2_000);
    expect(backend.events).toEqual([]);
  });

  it("refuses pushes as a full disk does, none of which is half there, and takes them again", async () => {
    const records = await backend.pushed();
    await records.write([{ key: "first", value: large() }]);
    await fill();
    const written: string[] = ["first"];
    let refused = 0;
    for (let index = 0; index < 30; index += 1) {
      const pair = [`pair:${index}:x`, `pair:${index}:y`];
      const error = await failureOf(records.write(pair.map((key) => ({ key, value: large() }))));
      if (error === undefined) written.push(...pair);
      else {
        refused += 1;
        expect(error).toMatchObject({ name: "StoreError", code: "FULL" });
        expect(String(error)).toMatch(/a push cannot be recorded: no room left/);
      }
    }
    expect(refused).toBeGreaterThan(10);
    await empty();
    await eventually(() => records.write([{ key: "z:last", value: large() }]), { withinMs: 2_000 });
    const kept = (await allOf(records)).map(({ key }) => key);
    expect(kept.sort()).toEqual([...written, "z:last"].sort());
  });
});
