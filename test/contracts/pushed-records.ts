/** What every store of pushed records promises; each adapter's test runs this suite on itself. */
import { describe, expect, it } from "vitest";
import type { PushedRecords } from "../../src/store/pushed-records.ts";
import type { StoredRecord } from "../../src/store/record-store.ts";

export function pushedRecordsContract(name: string, make: () => Promise<PushedRecords>) {
  describe(`${name}, as any store of pushed records`, () => {
    it("gives back what was written, in the order of the keys", async () => {
      const records = await make();
      await records.write([
        { key: "tag:b:1", value: { digest: "x", tags: ["a"], none: null } },
        { key: "blob:a:1", value: { size: 3 } },
      ]);
      await records.write([]);
      expect(await allOf(records)).toEqual([
        { key: "blob:a:1", value: { size: 3 } },
        { key: "tag:b:1", value: { digest: "x", tags: ["a"], none: null } },
      ]);
    });

    it("overwrites and forgets in one write", async () => {
      const records = await make();
      await records.write([
        { key: "a", value: 1 },
        { key: "b", value: 2 },
      ]);
      await records.write([
        { key: "a", value: undefined },
        { key: "b", value: 3 },
        { key: "c", value: 4 },
        { key: "none", value: undefined },
      ]);
      expect(await allOf(records)).toEqual([
        { key: "b", value: 3 },
        { key: "c", value: 4 },
      ]);
    });

    it("gives back thousands", async () => {
      const records = await make();
      const keys = Array.from({ length: 2_500 }, (_, index) => `tag:a:${index}`).sort();
      await records.write(keys.map((key) => ({ key, value: key })));
      expect(await allOf(records)).toEqual(keys.map((key) => ({ key, value: key })));
    });
  });
}

export async function allOf(records: PushedRecords): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const record of records.list()) all.push(record);
  return all;
}
