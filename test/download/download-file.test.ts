import { describe, expect, it } from "vitest";
import { DownloadFile } from "../../src/download/download-file.ts";
import { HashedDraft } from "../../src/download/hashed-draft.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { FaultyBlobs, type Trouble } from "../cache/support/faulty-blobs.ts";

const digest = digestOf(Buffer.from("0123456789"));

function setUp(trouble: Trouble = {}) {
  const blobs = new FaultyBlobs(trouble);
  const stop = new AbortController();
  const { signal } = stop;
  const onTooLarge = (): void => undefined;
  const draft = new HashedDraft({ digest, blobs, mostKept: 1e9, onTooLarge, signal });
  const [events, marks]: [string[], number[]] = [[], []];
  const file = new DownloadFile({
    draft,
    mark: { advance: (written) => void marks.push(written) },
    stop,
    observe: ({ kind }) => void events.push(kind),
  });
  return { blobs, draft, file, stop, events, marks };
}

describe("the file of a download", () => {
  it("publishes what was written, and only that", async () => {
    const { file, draft, marks } = setUp();
    await file.append(Buffer.from("01234"));
    await file.append(Buffer.from("56789"));
    expect(marks).toEqual([5, 10]);
    const buffer = Buffer.alloc(4);
    expect(await file.read(buffer, 3)).toBe(4);
    expect(buffer.toString()).toBe("3456");
    await draft.close();
  });

  it.each<[string, Trouble]>([
    ["written", { fullAt: 3 }],
    ["read", { unreadableAfter: 0 }],
  ])("stops the download when it cannot be %s, and says so once", async (_, trouble) => {
    const { file, draft, stop, events, marks } = setUp(trouble);
    await file.append(Buffer.from("01")).catch(() => undefined);
    for (let count = 0; count < 2; count += 1) {
      await file.append(Buffer.from("23456789")).catch(() => undefined);
      await file.read(Buffer.alloc(1), 0).catch(() => undefined);
    }
    expect(events).toEqual(["diskFailed"]);
    expect(stop.signal.reason).toMatchObject({ code: "DISK" });
    expect(marks[0]).toBe(2);
    await draft.close();
  });

  it("publishes what an earlier download left, until it is stopped", async () => {
    const { blobs, file, draft, stop, marks } = setUp();
    const earlier = await blobs.create();
    await earlier.write(Buffer.alloc(600 * 1024), 0);
    await earlier.setAside("label");
    await earlier.close();
    expect(await draft.takeUp("label")).toBe(600 * 1024);
    const going = file.goOn();
    stop.abort(new Error("enough"));
    await expect(going).rejects.toThrow("enough");
    expect(marks.length).toBeLessThan(3);
    await draft.close();
    expect(blobs.drafts).toBe(0);
  });
});
