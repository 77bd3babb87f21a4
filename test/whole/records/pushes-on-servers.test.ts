import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { ServedPushedRecords } from "../../../src/store/served-pushed-records.ts";
import { allOf, pushedRecordsContract } from "../../contracts/pushed-records.ts";
import { eventually } from "../../support/eventually.ts";
import { failureOf } from "./failure-of.ts";
import { type Backend, postgresBackend, redisBackend } from "./servers.ts";

const broken = { name: "StoreError", code: "RECORDS" };

const backends: readonly (readonly [string, () => Promise<Backend>])[] = [
  ["Redis", () => redisBackend(["--appendonly", "yes"])],
  ["PostgreSQL", () => postgresBackend()],
];

describe.each(backends)("what was pushed, in %s", (name, make) => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await make();
  });

  /** Nothing in it, though a test before left the server standing still. */
  async function emptied(): Promise<ServedPushedRecords> {
    backend.server.process.signal("SIGCONT");
    await backend.empty();
    return backend.pushed();
  }

  pushedRecordsContract(name, emptied);

  it("is there for the next start", async () => {
    const first = await emptied();
    await Promise.all(["a", "b", "c"].map((key) => first.write([{ key, value: { key } }])));
    await first.close();
    const second = await backend.pushed({ mayBeNew: false });
    expect((await allOf(second)).map(({ key }) => key)).toEqual(["a", "b", "c"]);
  });

  it("that is gone stops a start that had something", async () => {
    await backend.empty();
    await expect(backend.pushed({ mayBeNew: false })).rejects.toMatchObject({
      ...broken,
      message: expect.stringContaining("restore a backup"),
    });
  });

  it("that is damaged stops a start", async () => {
    const records = await emptied();
    await backend.spoilPushed("tag:a:1");
    await expect(allOf(records)).rejects.toMatchObject(broken);
  });

  it("stops a start while the server is away, with a sentence", async () => {
    await backend.server.stop();
    await expect(backend.pushed()).rejects.toMatchObject({
      ...broken,
      message: expect.stringMatching(/^the records of pushes are away; (?:redis|postgres): /),
    });
    await backend.server.start();
  });

  it("that somebody threw away under a running server is not written to any more", async () => {
    const records = await emptied();
    await records.write([{ key: "a", value: 1 }]);
    await backend.empty();
    await expect(
      eventually(
        async () => {
          const error: unknown = await records.write([{ key: "b", value: 1 }]).catch((e) => e);
          expect(error).toMatchObject({ message: expect.stringContaining("is gone from") });
        },
        { withinMs: 3_000 },
      ),
    ).resolves.toBeUndefined();
  });

  it("is written by one server at a time: the other is told", async () => {
    const first = await emptied();
    await first.write([{ key: "a", value: 1 }]);
    const second = await backend.pushed();
    await second.write([{ key: "b", value: 2 }]);
    await expect(first.write([{ key: "c", value: 3 }])).rejects.toMatchObject({
      ...broken,
      message: expect.stringContaining("by somebody else"),
    });
    await second.write([{ key: "d", value: 4 }]);
    expect((await allOf(second)).map(({ key }) => key)).toEqual(["a", "b", "d"]);
  });

  it("takes no late write: what got no answer is there before the next, or never", async () => {
    const records = await emptied();
    await records.write([{ key: "a", value: 0 }]);
    for (let round = 1; round <= 3; round += 1) {
      await backend.server.process.pause();
      const late = records.write([{ key: "a", value: "late" }]);
      expect(await failureOf(late)).toMatchObject(broken);
      backend.server.process.signal("SIGCONT");
      const back = performance.now();
      await eventually(() => records.write([{ key: "a", value: round }]), { withinMs: 4_000 });
      expect(performance.now() - back).toBeLessThan(2_000);
      expect(await allOf(records)).toEqual([{ key: "a", value: round }]);
    }
  });

  it("has all or nothing of each write when the server is killed while it writes", async () => {
    let records = await emptied();
    const acknowledged = new Set<number>();
    let next = 0;
    for (let round = 0; round < 4; round += 1) {
      let isKilled = false;
      const writing = (async () => {
        while (!isKilled) {
          const number = next++;
          const pair = ["x", "y"].map((half) => ({ key: `pair:${number}:${half}`, value: number }));
          await records.write(pair).then(
            () => acknowledged.add(number),
            () => undefined,
          );
          await nextTurn();
        }
      })();
      const enough = acknowledged.size + 20;
      await eventually(() => acknowledged.size >= enough);
      await backend.server.process.kill();
      isKilled = true;
      await writing;
      await backend.server.start();
      await records.close();
      records = await backend.pushed({ mayBeNew: false });
    }
    const halves = Map.groupBy(await allOf(records), ({ value }) => Number(value));
    const torn = [...halves].filter(([, both]) => both.length !== 2);
    const lost = [...acknowledged].filter((number) => !halves.has(number));
    expect({ torn, lost }).toEqual({ torn: [], lost: [] });
  });
});

describe("what was pushed, in Redis", () => {
  it("is refused with no room left, and taken again when there is", async () => {
    const backend = await redisBackend();
    const records = await backend.pushed();
    await records.write([{ key: "a", value: 1 }]);
    await backend.asOperator((redis) => redis.config("SET", "maxmemory", "1mb"));
    await expect(records.write([{ key: "b", value: 1 }])).rejects.toMatchObject({ code: "FULL" });
    await backend.asOperator((redis) => redis.config("SET", "maxmemory", "0"));
    await records.write([{ key: "c", value: 1 }]);
    expect((await allOf(records)).map(({ key }) => key)).toEqual(["a", "c"]);
  });

  it("that went back to an earlier time is not written to", async () => {
    const backend = await redisBackend();
    const records = await backend.pushed();
    const before = await backend.asOperator((redis) => redis.get("entrepot:#pushed-state"));
    await records.write([{ key: "a", value: 1 }]);
    await backend.asOperator((redis) => redis.set("entrepot:#pushed-state", before ?? ""));
    await expect(records.write([{ key: "b", value: 1 }])).rejects.toMatchObject({
      message: expect.stringContaining("brought back from an earlier time"),
    });
  });
});
