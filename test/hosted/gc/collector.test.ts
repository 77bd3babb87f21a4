import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { day, HostedRig, hour, nothingUntagged, second, untaggedAtOnce } from "../rig.ts";

const long = 400 * day;

describe("a collection of garbage", () => {
  it("frees exactly the bytes that it says, and foresees them", async () => {
    const rig = await HostedRig.open();
    await rig.push("a", "1", { layer: randomBytes(10_000) });
    const gone = await rig.push("a", "2", { layer: randomBytes(20_000) });
    await rig.delete("a", gone.digest);
    await rig.pushBlob("a", randomBytes(3_000));
    rig.pass(long);
    const before = await rig.bytesOnDisk();
    const foreseen = await rig.collect({ ...nothingUntagged, isDry: true });
    expect(await rig.bytesOnDisk()).toBe(before);
    expect(foreseen.isDry).toBe(true);
    const { freed, going } = await rig.collect();
    expect(sorted(freed)).toEqual(sorted(foreseen.freed));
    expect(going).toEqual(foreseen.going);
    expect(sum(freed)).toBe(before - (await rig.bytesOnDisk()));
    expect(sum(freed)).toBe(20_000 + 3_000 + gone.bytes.length);
    expect(await rig.isWhole("a", "1")).toBe(true);
    expect((await rig.collect()).freed).toEqual([]);
  });

  it("says what it freed though its last words cannot be written, and the next run writes them", async () => {
    let isAway = false;
    const rig = await HostedRig.open({
      around: (records) => ({
        list: () => records.list(),
        close: () => records.close(),
        write: async (changes) => {
          const isLast = changes.some(({ key, value }) => /^loose:/.test(key) && !value);
          if (isAway && isLast) throw new StoreError("RECORDS", "away");
          await records.write(changes);
        },
      }),
    });
    const gone = await rig.push("a", "1", { layer: randomBytes(9_000) });
    await rig.delete("a", gone.digest);
    rig.pass(long);
    isAway = true;
    const before = await rig.bytesOnDisk();
    const { freed } = await rig.collect();
    expect(sum(freed)).toBe(before - (await rig.bytesOnDisk()));
    expect(sum(freed)).toBeGreaterThan(9_000);
    isAway = false;
    expect((await rig.collect()).freed).toEqual([]);
    expect(rig.catalogue.loose()).toEqual([]);
  });

  it("gives back to the cache what a cached repository holds, and says so", async () => {
    const rig = await HostedRig.open();
    const { digest, layer } = await rig.push("a", "1", { layer: randomBytes(9_000) });
    rig.cached.add(layer);
    await rig.delete("a", digest);
    rig.pass(long);
    const foreseen = await rig.collect({ ...nothingUntagged, isDry: true });
    const { freed, returned } = await rig.collect();
    expect(returned).toEqual([{ digest: layer, size: 9_000 }]);
    expect(foreseen.returned).toEqual(returned);
    expect(freed.map((one) => one.digest)).not.toContain(layer);
    expect(rig.usage.has(layer)).toBe(true);
    expect(await rig.store.stat(layer)).toMatchObject({ size: 9_000 });
  });

  it("leaves what has no tag, until it is told how long that may stay", async () => {
    const rig = await HostedRig.open();
    const old = await rig.push("a", "latest");
    rig.pass(30 * day);
    await rig.push("a", "latest");
    rig.pass(6 * day);
    expect((await rig.collect()).going).toEqual([]);
    const week = { isDry: false, untaggedAfter: 7 * day };
    expect((await rig.collect(week)).going).toEqual([]);
    rig.pass(2 * day);
    const { going } = await rig.collect(week);
    expect(going).toMatchObject([
      { what: "manifest", digest: old.digest, why: "untagged" },
      { what: "blob", digest: old.layer, why: "no image names it" },
    ]);
  });

  it("tells one line of what it did", async () => {
    const rig = await HostedRig.open();
    await rig.pushBlob("a", randomBytes(700));
    rig.pass(long);
    await rig.collect({ ...nothingUntagged, isDry: true });
    await rig.collect();
    const nothing = { tags: 0, manifests: 0, returned: 0, skipped: 0 };
    expect(rig.events).toEqual([{ kind: "collected", blobs: 1, bytes: 700, ...nothing }]);
  });

  it("that ended in the middle is finished by the next one, also after a crash", async () => {
    let isBroken = false;
    const rig = await HostedRig.open({
      around: (records) => ({
        list: () => records.list(),
        close: () => records.close(),
        write: async (changes) => {
          await records.write(changes);
          if (isBroken) throw new Error("killed behind the records");
        },
      }),
    });
    await rig.pushBlob("a", randomBytes(4_000));
    rig.pass(long);
    const before = await rig.bytesOnDisk();
    isBroken = true;
    await expect(rig.collect()).rejects.toThrow("killed");
    expect(await rig.bytesOnDisk()).toBe(before);
    isBroken = false;
    await rig.restart({ isCrash: true });
    expect((await rig.collect()).freed).toMatchObject([{ size: 4_000 }]);
    expect(await rig.bytesOnDisk()).toBe(before - 4_000);
  });

  it.each(["blob", "manifest"])(
    "frees a %s that a power cut left without its name",
    async (kind) => {
      let isPowerful = true;
      const rig = await HostedRig.open({
        around: (records) => ({
          list: () => records.list(),
          close: () => records.close(),
          write: async (changes) => {
            if (
              changes.some(({ key, value }) => key.startsWith(`${kind}:cut`) && value !== undefined)
            ) {
              isPowerful = false;
            }
            if (!isPowerful) throw new StoreError("RECORDS", "the power is gone");
            await records.write(changes);
          },
        }),
      });
      await rig.push("kept", "1", { layer: randomBytes(5_000) });
      const needed = await rig.bytesOnDisk();
      await expect(rig.push("cut", "1", { layer: randomBytes(7_000) })).rejects.toThrow("power");
      expect(await rig.bytesOnDisk()).toBeGreaterThanOrEqual(needed);
      isPowerful = true;
      await rig.restart({ isCrash: true });
      rig.pass(long);
      await rig.collect(untaggedAtOnce);
      expect(await rig.bytesOnDisk()).toBe(needed);
      expect(await rig.isWhole("kept", "1")).toBe(true);
    },
  );

  it("leaves bytes that somebody holds just then to the next one", async () => {
    const rig = await HostedRig.open();
    const digest = await rig.pushBlob("a", randomBytes(4_000));
    rig.pass(long);
    rig.holds.hold(digest);
    expect((await rig.collect()).freed).toEqual([]);
    await rig.restart();
    expect((await rig.collect()).freed).toEqual([{ digest, size: 4_000 }]);
  });

  it("takes what a client deleted out of the cache's count with it", async () => {
    const rig = await HostedRig.open();
    const { digest, layer } = await rig.push("a", "1");
    await rig.delete("a", digest);
    await eventually(() => rig.usage.has(digest));
    rig.pass(long);
    await rig.collect();
    expect([rig.usage.has(digest), rig.usage.has(layer), rig.usage.total]).toEqual([
      ...[false, false, 0],
    ]);
  });

  it("lets pushes and pulls have their turn while it looks at thousands", async () => {
    const rig = await HostedRig.open();
    const image = await rig.push("a", "1");
    const link = { size: 1, linkedAt: 0, answeredAt: 0, namedAt: 0 };
    const keys = Array.from({ length: 20_000 }, (_, index) => index.toString(16).padStart(64, "0"));
    await rig.records.write(keys.map((hex) => ({ key: `blob:a:sha256:${hex}`, value: link })));
    await rig.restart();
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const { going } = await rig.collect({ ...nothingUntagged, isDry: true });
    isOver = true;
    expect(going).toHaveLength(20_000);
    expect(turns).toBeGreaterThan(10);
    expect(await rig.isWhole("a", image.digest)).toBe(true);
  });
});

describe("rules of what a repository keeps", () => {
  const keep = (rule: object) => ({ rules: [{ repositories: ["**"], keep: rule }] });

  it("keep the last tags of a pattern, and all that no rule is about", async () => {
    const rig = await HostedRig.open(keep({ tags: ["pr-*"], last: 2 }));
    for (const tag of ["1.0", "pr-1", "pr-2", "pr-3", "pr-4"]) {
      await rig.push("a", tag);
      rig.pass(hour);
    }
    const { going } = await rig.collect();
    expect(going).toMatchObject([
      { what: "tag", reference: "pr-1", why: "rule" },
      { what: "tag", reference: "pr-2", why: "rule" },
    ]);
    expect([...(rig.catalogue.repository("a" as never)?.tags.keys() ?? [])]).toEqual([
      ...["1.0", "pr-3", "pr-4"],
    ]);
  });

  it("keep what was pushed or pulled lately, also after a crash; where no pull is known the push counts", async () => {
    const rig = await HostedRig.open(keep({ pushed: 2 * day, pulled: 10 * day }));
    for (const tag of ["old", "pulled", "never"]) await rig.push("a", tag);
    rig.pass(9 * day);
    await rig.pull("a", "pulled");
    expect((await rig.collect()).going).toEqual([]);
    await rig.restart({ isCrash: true });
    await rig.push("a", "new");
    rig.pass(1.5 * day);
    const references = async () =>
      (await rig.collect()).going.map(({ reference }) => reference).sort();
    expect(await references()).toEqual(["never", "old"]);
    rig.pass(20 * day);
    expect(await references()).toEqual(["new", "pulled"]);
  });

  it("keep a digest that was pulled lately although it has no tag any more", async () => {
    const rig = await HostedRig.open(keep({ pulled: 10 * day, untagged: 0 }));
    const pinned = await rig.push("a", "latest");
    const forgotten = await rig.push("a", "latest");
    await rig.push("a", "latest");
    rig.pass(9 * day);
    await rig.pull("a", pinned.digest);
    rig.pass(9 * day);
    await rig.pull("a", "latest");
    const { going } = await rig.collect(untaggedAtOnce);
    expect(going.map(({ digest }) => digest)).toEqual([forgotten.digest, forgotten.layer]);
    expect(await rig.isWhole("a", pinned.digest)).toBe(true);
  });

  it("never take a tag that is immutable", async () => {
    const rig = await HostedRig.open({
      rules: [
        { repositories: ["**"], keep: { last: 0 } },
        { repositories: ["**"], immutable: ["v*"] },
      ],
    });
    await rig.push("a", "v1");
    await rig.push("a", "x1");
    rig.pass(long);
    expect((await rig.collect()).going.map(({ reference }) => reference)).toEqual(["x1"]);
  });

  it("say what goes with time of what has no tag", async () => {
    const rig = await HostedRig.open(keep({ untagged: 5 * day }));
    await rig.push("a", "latest");
    await rig.push("a", "latest");
    rig.pass(4 * day);
    expect((await rig.collect()).going).toEqual([]);
    rig.pass(2 * day);
    expect((await rig.collect()).going.map(({ what }) => what)).toEqual(["manifest", "blob"]);
  });

  it("forget the times of pulls of what is gone", async () => {
    const rig = await HostedRig.open({ lease: 10 * second });
    const { digest } = await rig.push("a", "1");
    await rig.pull("a", "1");
    await rig.restart();
    await rig.delete("a", digest);
    await rig.collect();
    const keys: string[] = [];
    for await (const { key } of rig.records.list()) keys.push(key);
    expect(keys.filter((key) => key.startsWith("pulled"))).toEqual([]);
  });
});

function sum(all: readonly { readonly size: number }[]): number {
  return all.reduce((total, { size }) => total + size, 0);
}

function sorted<Item extends { readonly digest: string }>(all: readonly Item[]): Item[] {
  return [...all].sort((one, other) => (one.digest < other.digest ? -1 : 1));
}
