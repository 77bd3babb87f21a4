import { describe, expect, it } from "vitest";
import { day, HostedRig, hour, nameOf } from "./rig.ts";

async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

describe("uploads", () => {
  it("end after a day that nobody has used them for", async () => {
    const rig = await HostedRig.open();
    const [idle, used] = [await rig.beginUpload("a"), await rig.beginUpload("a")];
    rig.clock.time += day - hour;
    await rig.uploads.append(used, bytes("more"));
    rig.clock.time += 2 * hour;
    await rig.uploads.sweep();
    expect([idle.isOver, used.isOver]).toEqual([true, false]);
    await rig.uploads.close();
  });

  it.each([7 * day, -7 * day])("go on though somebody sets the clock by %i ms", async (jump) => {
    const rig = await HostedRig.open();
    const upload = await rig.beginUpload("a");
    rig.clock.jump = jump;
    rig.clock.time += hour;
    await rig.uploads.sweep();
    expect(upload.isOver).toBe(false);
    rig.clock.time += day;
    await rig.uploads.sweep();
    expect(upload.isOver).toBe(true);
  });

  it("are 256 at most of one client, and leave others theirs", async () => {
    const rig = await HostedRig.open();
    const begin = (client: string) =>
      rig.uploads.begin({ repository: nameOf("a"), owner: "", client });
    for (let count = 0; count < 256; count += 1) await begin("10.0.0.1");
    await expect(begin("10.0.0.1")).rejects.toMatchObject({ code: "TOOMANYREQUESTS" });
    expect((await begin("10.0.0.2")).isOver).toBe(false);
    await rig.uploads.close();
  });

  it("begun all at once by one client are no more than one after another", async () => {
    const rig = await HostedRig.open();
    const begun = await Promise.allSettled(
      Array.from({ length: 400 }, () =>
        rig.uploads.begin({ repository: nameOf("a"), owner: "", client: "10.0.0.1" }),
      ),
    );
    expect(begun.filter(({ status }) => status === "fulfilled")).toHaveLength(256);
    await rig.uploads.close();
  });
});
