/** Ways in which registries have lost what was pushed to them. Each has its test here. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Marks } from "../../../src/hosted/gc/marks.ts";
import { referrerWait } from "../../../src/hosted/gc/policy.ts";
import { Repository } from "../../../src/hosted/repository.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { ociIndex } from "../../../src/protocol/media-type.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import {
  about,
  day,
  HostedRig,
  hour,
  imageOf,
  nameOf,
  nothingUntagged,
  second,
  untaggedAtOnce,
} from "../rig.ts";

const long = 400 * day;

describe("a collection of garbage, with what has no tag going at once", () => {
  it("leaves the children of a live index, which have no tags of their own", async () => {
    const rig = await HostedRig.open();
    const [one, other] = [await rig.push("a", undefined), await rig.push("a", undefined)];
    const inner = await rig.pushIndex("a", undefined, [other.digest]);
    await rig.pushIndex("a", "1.0", [one.digest, inner.digest]);
    rig.pass(long);
    const { going } = await rig.collect(untaggedAtOnce);
    expect(going).toEqual([]);
    expect(await rig.isWhole("a", "1.0")).toBe(true);
  });

  it("leaves what a live referrer is about, and the signatures of what is there", async () => {
    const rig = await HostedRig.open();
    const subject = await rig.push("a", undefined);
    await rig.push("a", "attested", { subject: about(subject.digest) });
    const signed = await rig.push("a", "2.0");
    const name = signed.digest.replace(":", "-");
    for (const suffix of [".sig", ".sbom"]) await rig.push("a", name + suffix);
    const referrer = await rig.push("a", undefined, { subject: about(signed.digest) });
    rig.pass(long);
    await rig.collect(untaggedAtOnce);
    for (const kept of [subject.digest, "2.0", `${name}.sig`, `${name}.sbom`, referrer.digest]) {
      expect([kept, await rig.isWhole("a", kept)]).toEqual([kept, true]);
    }
  });

  it("leaves the signatures of a tag that a rule keeps, and counts them as no versions", async () => {
    const rules = [{ repositories: ["**"], keep: { last: 1 } }];
    const rig = await HostedRig.open({ rules });
    const image = await rig.push("a", "1.0");
    rig.pass(day);
    const signature = `${image.digest.replace(":", "-")}.sig`;
    await rig.push("a", signature);
    rig.pass(long);
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("a", "1.0")).toBe(true);
    expect(await rig.isWhole("a", signature)).toBe(true);
  });

  it("leaves a blob that was uploaded and that no manifest names yet", async () => {
    const rig = await HostedRig.open({ lease: hour });
    const layer = randomBytes(500);
    const [config, digest] = [
      await rig.pushBlob("a", Buffer.from("{}")),
      await rig.pushBlob("a", layer),
    ];
    rig.pass(hour);
    await rig.collect(untaggedAtOnce);
    await rig.restart({ isCrash: true });
    await rig.collect(untaggedAtOnce);
    await rig.pushManifest("a", "1", imageOf(config, digest, layer, {}));
    expect(await rig.isWhole("a", "1")).toBe(true);
  });

  it("leaves what was uploaded before a layer that takes longer than the lease", async () => {
    const rig = await HostedRig.open({ lease: hour });
    const config = await rig.pushBlob("a", Buffer.from("{}"));
    const large = randomBytes(600);
    const upload = await rig.beginUpload("a");
    for (const piece of [large.subarray(0, 200), large.subarray(200, 400), large.subarray(400)]) {
      rig.pass(0.9 * hour);
      await rig.uploads.append(upload, pieceOf(piece));
      await rig.collect(untaggedAtOnce);
    }
    await rig.uploads.finish(upload, digestOf(large));
    rig.pass(hour);
    await rig.collect(untaggedAtOnce);
    await rig.pushManifest("a", "1", imageOf(config, digestOf(large), large, {}));
    expect(await rig.isWhole("a", "1")).toBe(true);
  });

  it("leaves an old orphan that a push comes back to between the listing and the sweep", async () => {
    const rig = await HostedRig.open();
    const layer = randomBytes(500);
    const config = await rig.pushBlob("a", Buffer.from("{}"));
    const orphan = await rig.pushBlob("a", layer);
    rig.pass(long);
    // The HEAD and the manifest come while garbage is being collected: whoever is first, both are right.
    const collecting = rig.collect(untaggedAtOnce);
    const pushing = (async () => {
      await rig.head("a", orphan);
      await rig.head("a", config);
      await rig.pushManifest("a", "1", imageOf(config, orphan, layer, {}));
    })();
    const [collected, pushed] = await Promise.allSettled([collecting, pushing]);
    expect(collected.status).toBe("fulfilled");
    expect(await rig.isWhole("a", "1")).toBe(pushed.status === "fulfilled" ? true : undefined);
    await rig.collect(untaggedAtOnce);
    const again = await rig.push("a", "2", { layer });
    expect(await rig.isWhole("a", "2")).toBe(true);
    expect(again.layer).toBe(orphan);
  });

  it("leaves an old orphan that is pushed into another repository meanwhile", async () => {
    const rig = await HostedRig.open();
    const layer = randomBytes(500);
    await rig.pushBlob("a", layer);
    rig.pass(long);
    await Promise.all([rig.collect(untaggedAtOnce), rig.push("b", "1", { layer })]);
    expect(await rig.isWhole("b", "1")).toBe(true);
    await rig.collect(untaggedAtOnce);
    await rig.restart();
    expect(await rig.isWhole("b", "1")).toBe(true);
  });

  it("takes nothing of a repository of which a record is missing or cannot be read, and says so", async () => {
    const rig = await HostedRig.open();
    const child = await rig.push("a", undefined);
    await rig.pushIndex("a", "1", [child.digest]);
    const orphan = await rig.pushBlob("a", randomBytes(100));
    const value = { size: 100, references: "none of your business" };
    await rig.records.write([{ key: `manifest:a:${child.digest}`, value }]);
    await rig.restart();
    rig.pass(long);
    const { going, skipped } = await rig.collect(untaggedAtOnce);
    expect(going).toEqual([]);
    expect(skipped).toEqual([
      { repository: "a", why: expect.stringContaining(`manifest:a:${child.digest}`) },
    ]);
    await rig.read("a", child.layer);
    await rig.read("a", orphan);
    await expect(rig.blobs.delete(nameOf("a"), child.layer)).rejects.toThrow(/cannot be read/);
    // Pushed anew, all is as it was.
    await rig.pushManifest("a", undefined, JSON.parse(child.bytes.toString()));
    expect(await rig.isWhole("a", "1")).toBe(true);
    expect((await rig.collect(untaggedAtOnce)).skipped).toEqual([]);
    expect(await rig.isWhole("a", "1")).toBe(true);
  });

  it("goes on in the other repositories where one has a corrupt record", async () => {
    const rig = await HostedRig.open();
    await rig.push("a", "1");
    const garbage = await rig.pushBlob("b", randomBytes(5_000));
    await rig.records.write([{ key: "tag:a:1", value: 7 }]);
    await rig.restart();
    rig.pass(long);
    const { freed, skipped } = await rig.collect(untaggedAtOnce);
    expect(freed).toEqual([{ digest: garbage, size: 5_000 }]);
    expect(skipped.map(({ repository }) => repository)).toEqual(["a"]);
  });

  it("answers that something is here only while it stays: HEAD, mount and the manifest's own", async () => {
    const rig = await HostedRig.open({ lease: hour });
    const { layer, digest } = await rig.push("a", undefined);
    rig.pass(long);
    await rig.head("a", layer);
    await rig.blobs.mount(nameOf("b"), layer, () => true);
    await rig.manifests.pull(nameOf("a"), { kind: "digest", digest }, true);
    rig.pass(hour);
    await rig.restart({ isCrash: true });
    await rig.collect(untaggedAtOnce);
    await rig.read("a", layer);
    await rig.read("b", layer);
    expect(await rig.isWhole("a", digest)).toBe(true);
    rig.pass(2 * hour);
    await rig.collect(untaggedAtOnce);
    await expect(rig.head("a", layer)).rejects.toThrow("no such blob");
    await expect(rig.head("b", layer)).rejects.toThrow("no such blob");
    expect(await rig.isWhole("a", digest)).toBeUndefined();
  });

  it("by a rule of one repository deletes no layer that another shares", async () => {
    const rules = [{ repositories: ["ci/**"], keep: { last: 0, untagged: 0 } }];
    const rig = await HostedRig.open({ rules });
    const layer = randomBytes(500);
    await rig.push("ci/app", "1", { layer });
    await rig.push("team/app", "1", { layer });
    rig.pass(long);
    const { going } = await rig.collect();
    expect(going.map(({ repository }) => repository)).not.toContain("team/app");
    expect(await rig.isWhole("ci/app", "1")).toBeUndefined();
    expect(await rig.isWhole("team/app", "1")).toBe(true);
  });

  it("strands no other copy of what goes with the repository that it was pushed to first", async () => {
    const rig = await HostedRig.open();
    const first = await rig.push("first", "1");
    await rig.blobs.mount(nameOf("second"), first.layer, () => true);
    await rig.pushBlob("second", Buffer.from("{}"));
    await rig.pushManifest("second", "1", JSON.parse(first.bytes.toString()));
    await rig.delete("first", first.digest);
    rig.pass(long);
    await rig.collect(untaggedAtOnce);
    await rig.restart();
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("second", "1")).toBe(true);
  });

  it("removes uploads that nobody goes on with, and none that is under way", async () => {
    const rig = await HostedRig.open();
    const [left, going] = [await rig.beginUpload("a"), await rig.beginUpload("a")];
    await rig.uploads.append(left, pieceOf(randomBytes(50)));
    rig.pass(20 * hour);
    await rig.uploads.append(going, pieceOf(randomBytes(50)));
    rig.pass(5 * hour);
    await rig.uploads.sweep();
    await rig.collect(untaggedAtOnce);
    expect(await readdir(join(rig.path, "uploads"))).toHaveLength(1);
    await rig.restart({ isCrash: true });
    expect(await readdir(join(rig.path, "uploads"))).toEqual([]);
  });

  it("knows every record of thousands, and starts not at all when the list of them breaks off", async () => {
    const rig = await HostedRig.open();
    const image = await rig.push("a", "1");
    const link = { digest: image.digest, pushedAt: rig.clock.now() };
    const keys = Array.from({ length: 2_500 }, (_, index) => `tag:a:t${index}`);
    await rig.records.write(keys.map((key) => ({ key, value: link })));
    const last = await rig.push("z", "last");
    await rig.restart();
    rig.pass(long);
    expect((await rig.collect(untaggedAtOnce)).going).toEqual([]);
    expect(await rig.isWhole("z", last.digest)).toBe(true);
    const broken = HostedRig.open({ around: breakingOff });
    await expect(broken).rejects.toThrow("broke off");
  });

  it("marks nested indexes in a time that grows with their number alone", async () => {
    const its = new Repository();
    const depth = 60;
    const digestAt = (level: number, side: number) => digestOf(Buffer.from(`${level}/${side}`));
    for (let level = 0; level < depth; level += 1) {
      for (const side of [0, 1]) {
        const references = [digestAt(level + 1, 0), digestAt(level + 1, 1)];
        const link = { size: 1, mediaType: ociIndex, kind: "index", references } as const;
        const times = { linkedAt: 0, answeredAt: 0, namedAt: 0 };
        const digest = digestAt(level, side);
        const change = { kind: "manifest", repository: nameOf("a"), digest } as const;
        its.apply({ ...change, link: { ...link, ...times } });
      }
    }
    const marks = new Marks(its);
    await marks.add([digestAt(0, 0)]);
    expect(marks.has(digestAt(depth, 1))).toBe(true);
    expect(marks.steps).toBeLessThan(5 * depth);
  });

  it("frees nothing that eviction could not have: what a pushed manifest names is no cache's to take", async () => {
    const rig = await HostedRig.open();
    const image = await rig.push("a", "1");
    rig.cached.add(image.layer);
    rig.usage.added(image.layer, 1_000);
    expect(rig.usage.has(image.layer)).toBe(false);
    expect(await rig.store.delete(image.layer)).toBe(false);
    expect(await rig.store.delete(image.digest)).toBe(false);
    await rig.restart();
    expect(await rig.store.delete(image.layer)).toBe(false);
    expect(await rig.isWhole("a", "1")).toBe(true);
  });
});

describe("a pull under way", () => {
  it("gets every layer of an image whose tag moved, and which is collected meanwhile", async () => {
    const rig = await HostedRig.open({ lease: 10 * second });
    const before = await rig.push("a", "latest");
    rig.pass(hour);
    const { bytes } = await rig.manifests.pull(
      nameOf("a"),
      { kind: "digest", digest: before.digest },
      false,
    );
    await rig.push("a", "latest");
    await rig.collect(untaggedAtOnce);
    rig.pass(5 * second);
    await rig.collect(untaggedAtOnce);
    await rig.fetchAll("a", bytes);
    rig.pass(hour);
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("a", before.digest)).toBeUndefined();
  });

  it("gets every layer of an image that somebody deletes meanwhile", async () => {
    const rig = await HostedRig.open({ lease: 10 * second });
    const image = await rig.push("a", "1");
    const index = await rig.pushIndex("a", "2", [image.digest]);
    rig.pass(hour);
    const digest = index.digest;
    const { bytes } = await rig.manifests.pull(nameOf("a"), { kind: "digest", digest }, false);
    await rig.delete("a", digest);
    await rig.delete("a", "1");
    await rig.collect(untaggedAtOnce);
    await rig.fetchAll("a", bytes);
  });

  it("that begins while its image is being taken away finds no image at all", async () => {
    const gate = {
      isShut: false,
      reached: Promise.withResolvers<void>(),
      open: Promise.withResolvers<void>(),
    };
    const rig = await HostedRig.open({
      lease: 10 * second,
      around: (records) => ({
        list: () => records.list(),
        close: () => records.close(),
        write: async (changes) => {
          if (gate.isShut) gate.reached.resolve();
          if (gate.isShut) await gate.open.promise;
          await records.write(changes);
        },
      }),
    });
    const { digest } = await rig.push("a", undefined);
    rig.pass(hour);
    gate.isShut = true;
    const collecting = rig.collect(untaggedAtOnce);
    await gate.reached.promise;
    const pulling = rig.isWhole("a", digest);
    await new Promise(setImmediate);
    gate.open.resolve();
    expect(await pulling).toBeUndefined();
    await collecting;
  });

  it("that begins while garbage is being collected is whole, or finds no image at all", async () => {
    const rig = await HostedRig.open({ lease: 10 * second });
    for (let round = 0; round < 30; round += 1) {
      const { digest } = await rig.push("a", undefined);
      rig.pass(hour);
      const collecting = rig.collect(untaggedAtOnce);
      for (let turn = 0; turn < round; turn += 1) await Promise.resolve();
      const wholes = await Promise.all([rig.isWhole("a", digest), collecting]);
      expect(wholes[0]).not.toBe(false);
    }
  });
});

describe("what says something of an image", () => {
  it("stays for a week after one that went since nobody needed it, with what says something of it", async () => {
    const rig = await HostedRig.open();
    const image = await rig.push("a", undefined);
    const signature = await rig.push("a", undefined, { subject: about(image.digest) });
    const stamp = await rig.push("a", undefined, { subject: about(signature.digest) });
    rig.pass(long);
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("a", image.digest)).toBeUndefined();
    rig.pass(referrerWait - hour);
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("a", signature.digest)).toBe(true);
    expect(await rig.isWhole("a", stamp.digest)).toBe(true);
    rig.pass(2 * hour);
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("a", signature.digest)).toBeUndefined();
  });

  it("stays for a week after it, and as long where it was pushed first", async () => {
    const rig = await HostedRig.open();
    const image = await rig.push("a", "1");
    const after = await rig.push("a", undefined, { subject: about(image.digest) });
    rig.pass(30 * day);
    const first = await rig.push("a", undefined, { subject: about(digestOf(Buffer.from("x"))) });
    await rig.delete("a", image.digest);
    rig.pass(referrerWait - hour);
    await rig.collect(untaggedAtOnce);
    expect(await rig.isWhole("a", after.digest)).toBe(true);
    expect(await rig.isWhole("a", first.digest)).toBe(true);
    await rig.restart({ isCrash: true });
    rig.pass(2 * hour);
    const { going } = await rig.collect(nothingUntagged);
    expect(going.filter(({ what }) => what === "manifest").map(({ why }) => why)).toEqual([
      "subject gone",
      "subject gone",
    ]);
  });
});

async function* pieceOf(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes;
}

function breakingOff(records: HostedRig["records"]): HostedRig["records"] {
  return {
    list: async function* () {
      yield* [];
      throw new StoreError("RECORDS", "broke off");
    },
    write: (changes) => records.write(changes),
    close: () => records.close(),
  };
}
