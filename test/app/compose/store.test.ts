import { describe, expect, it } from "vitest";
import { composeStore } from "../../../src/app/compose/store.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { keptLog } from "./composing.ts";

describe("the store", () => {
  it("is one process's at a time, and the next one's after it is closed", async () => {
    const folder = await temporaryFolder();
    const { log } = keptLog();
    const store = await composeStore(folder, log);
    await expect(composeStore(folder, log)).rejects.toMatchObject({ code: "LOCKED" });
    await store.records.set("tag/x", 1);
    await store.close(AbortSignal.timeout(5_000));
    const again = await composeStore(folder, log);
    expect(await again.records.get("tag/x")).toBe(1);
    await again.close(AbortSignal.timeout(5_000));
  });
});
