import { describe, expect, it } from "vitest";
import { Progress } from "../../src/download/progress.ts";
import { ReaderSet } from "../../src/download/reader-set.ts";

function scene() {
  const calls: string[] = [];
  const audience = new ReaderSet(
    async () => void calls.push("closed"),
    () => void calls.push("deserted"),
  );
  const growing = new Progress(async () => 0);
  const seat = () => audience.seat({ growing, check: () => undefined, goOn: undefined });
  return { calls, audience, seat };
}

describe("an audience", () => {
  it("says when it is deserted while more may come, and keeps the file open", async () => {
    const { calls, seat } = scene();
    const [first, second] = [seat(), seat()];
    await first.close();
    await first.close();
    expect(calls).toEqual([]);
    await second.close();
    expect(calls).toEqual(["deserted"]);
  });

  it("closes the file with its last reader once no more may come", async () => {
    const { calls, audience, seat } = scene();
    const reader = seat();
    audience.endAdmission();
    audience.endAdmission();
    expect(calls).toEqual([]);
    await reader.close();
    await audience.gone;
    expect(calls).toEqual(["closed"]);
  });

  it("closes the file at once when nobody is there", async () => {
    const { calls, audience } = scene();
    audience.endAdmission();
    await audience.gone;
    expect(calls).toEqual(["closed"]);
  });

  it("can be sent away", async () => {
    const { audience, seat } = scene();
    const reader = seat();
    await audience.dismiss();
    const read = reader.read(Buffer.alloc(1), 0, new AbortController().signal);
    await expect(read).rejects.toMatchObject({ code: "ABANDONED" });
  });
});
