import { Keyv } from "keyv";
import { describe, expect, it } from "vitest";
import { KeyvRecordStore } from "../../../src/store/keyv/keyv-record-store.ts";

const emptyTable = { page: async () => [], insert: async () => true };

/** A backend that answers `set` as it is told. */
function storeThat(set: () => Promise<boolean>) {
  const entries = new Map<string, unknown>();
  const backend = {
    capabilities: { expires: true },
    get: async (key: string) => entries.get(key),
    set,
    delete: async (key: string) => entries.delete(key),
    clear: async () => entries.clear(),
    has: async (key: string) => entries.has(key),
  };
  return new KeyvRecordStore(new Keyv({ store: backend }), emptyTable);
}

describe("a keyv record store", () => {
  it("takes a `false` of the backend for the failure it is", async () => {
    const store = storeThat(async () => false);
    await expect(store.set("tag/a", 1)).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("passes on what the backend threw as the cause", async () => {
    const reason = new Error("disk on fire");
    const store = storeThat(() => Promise.reject(reason));
    await expect(store.set("tag/a", 1)).rejects.toMatchObject({ code: "RECORDS", cause: reason });
  });

  it("refuses a listed row that cannot be read, rather than skip it", async () => {
    const page = async () => [{ key: "tag/a", value: "{ not json" }];
    const store = new KeyvRecordStore(new Keyv(), { ...emptyTable, page });
    const reading = (async () => {
      for await (const _ of store.list("tag/")) throw new Error("must not be reached");
    })();
    await expect(reading).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("closes twice without a word", async () => {
    const store = storeThat(async () => true);
    await store.close();
    await store.close();
  });
});
