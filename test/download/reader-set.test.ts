import { describe, expect, it } from "vitest";
import { Progress } from "../../src/download/progress.ts";
import { ReaderSet } from "../../src/download/tail-reader.ts";

function scene() {
  const calls: string[] = [];
  const readers = new ReaderSet(
    async () => void calls.push("closed"),
    () => void calls.push("deserted"),
  );
  const progress = new Progress();
  const blob = { progress, read: async () => 0, wait: async () => undefined };
  const join = () => readers.add({ blob, check: () => undefined, goOn: undefined });
  return { calls, readers, join };
}

describe("readers of one file", () => {
  it("says when it is deserted while more may come, and keeps the file open", async () => {
    const { calls, join } = scene();
    const [first, second] = [join(), join()];
    await first.close();
    await first.close();
    expect(calls).toEqual([]);
    await second.close();
    expect(calls).toEqual(["deserted"]);
  });

  it("closes the file with its last reader once no more may come", async () => {
    const { calls, readers, join } = scene();
    const reader = join();
    readers.endJoining();
    readers.endJoining();
    expect(calls).toEqual([]);
    await reader.close();
    await readers.closed;
    expect(calls).toEqual(["closed"]);
  });

  it("closes the file at once when nobody is there", async () => {
    const { calls, readers } = scene();
    readers.endJoining();
    await readers.closed;
    expect(calls).toEqual(["closed"]);
  });

  it("can all be closed", async () => {
    const { readers, join } = scene();
    const reader = join();
    await readers.dismiss();
    const read = reader.read(Buffer.alloc(1), 0, new AbortController().signal);
    await expect(read).rejects.toMatchObject({ code: "ABANDONED" });
  });
});
