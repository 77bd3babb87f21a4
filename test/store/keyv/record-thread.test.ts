import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RecordCall, Told } from "../../../src/store/keyv/record-thread.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const main = join(import.meta.dirname, "../../../src/store/keyv/record-thread.ts");

/** Asks everything at once; what is told, in the order it is told. */
async function tell(path: string, ...asks: readonly RecordCall[]): Promise<Told[]> {
  const worker = new Worker(main, { workerData: path, env: {} });
  onTestFinished(async () => {
    await worker.terminate();
  });
  for (const [id, ask] of asks.entries()) worker.postMessage({ id, ask });
  const told: Told[] = [];
  while (told.length < asks.length) told.push((await once(worker, "message"))[0]);
  return told;
}

const record = (value: number) => ({ key: "tag/a", value, ttl: undefined });

describe("the thread of the records", () => {
  it("answers one after the other, in the order asked", async () => {
    const path = join(await temporaryFolder(), "records.sqlite");
    const asks: RecordCall[] = [
      { what: "open", isChecked: false },
      { what: "set", ...record(1) },
    ];
    for (let value = 2; value < 600; value += 1)
      asks.push({ what: "get", key: "tag/a" }, { what: "set", ...record(value) });
    const told = await tell(path, ...asks, { what: "close" });
    const gets = told.filter((_, index) => asks[index]?.what === "get");
    expect(told.map(({ id }) => id)).toEqual(told.map((_, index) => index));
    expect(gets.map((each) => ("result" in each ? each.result : each))).toEqual(
      gets.map((_, index) => index + 1),
    );
  });

  it("says why it cannot, and goes on", async () => {
    const failure = { code: "RECORDS" };
    expect(
      await tell(
        "/proc/version",
        { what: "get", key: "tag/a" },
        { what: "open", isChecked: false },
        { what: "open", isChecked: false },
      ),
    ).toMatchObject([{ failure }, { failure }, { failure }]);
  });
});
