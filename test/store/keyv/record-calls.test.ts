import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { RecordCalls, type StartThread } from "../../../src/store/keyv/record-calls.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const main = join(import.meta.dirname, "../../../src/store/keyv/record-thread.ts");

async function open(start?: StartThread) {
  const path = join(await temporaryFolder(), "records.sqlite");
  const calls = await RecordCalls.open(path, true, start);
  onTestFinished(() => calls.close());
  return calls;
}

const write = (value: unknown) =>
  ({ what: "set", key: "tag/a", value, ttl: undefined }) as Parameters<RecordCalls["ask"]>[0];

describe("a life of the thread of the records", () => {
  it("ends when it takes more memory than it has, and everybody who waits is told why", async () => {
    const calls = await open(
      (path) =>
        new Worker(main, {
          ...{ workerData: path, env: {}, execArgv: [] },
          resourceLimits: { maxOldGenerationSizeMb: 12 },
        }),
    );
    const list = Array.from({ length: 400_000 }, (_, index) => [index]);
    const outcomes = await Promise.allSettled([
      calls.ask(write(list)),
      calls.ask({ what: "get", key: "tag/a" }),
    ]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { name: "StoreError", code: "RECORDS" } });
    }
    expect((await calls.gone).message).toMatch(/^the records are away; .*memory/);
    await expect(calls.ask(write(1))).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("is not begun where no thread can be started", async () => {
    const none = open(() => {
      throw new Error("EAGAIN");
    });
    await expect(none).rejects.toMatchObject({ code: "RECORDS", message: /EAGAIN/ });
  });

  it("leaves nobody waiting for what cannot even be sent", async () => {
    const calls = await open();
    await expect(calls.ask(write(() => undefined))).rejects.toThrow(/could not be cloned/);
    await expect(calls.ask(write(1))).resolves.toBeUndefined();
  });
});
