import { readdir, readlink } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Upload } from "../../src/hosted/upload.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import type { RegistryError } from "../../src/protocol/registry-error.ts";
import { day, HostedRig, hour, nameOf, second } from "./rig.ts";

async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

function beginOf(rig: HostedRig, client: string): Promise<Upload> {
  return rig.uploads.begin({ repository: nameOf("a"), owner: "", client });
}

async function beginMany(rig: HostedRig, client: string, count: number): Promise<Upload[]> {
  const begun: Upload[] = [];
  for (let one = 0; one < count; one += 1) begun.push(await beginOf(rig, client));
  return begun;
}

/** As many as there may be, of four. */
async function crowd(rig: HostedRig): Promise<Upload[]> {
  const first = await beginMany(rig, "10.0.0.1", 256);
  const others: Upload[] = [];
  for (const client of ["10.0.0.2", "10.0.0.3", "10.0.0.4"]) {
    rig.pass(1);
    others.push(...(await beginMany(rig, client, 248)));
  }
  return [...first, ...others];
}

/** Files of uploads that this process has open. */
async function openIn(folder: string): Promise<string[]> {
  const descriptors = await readdir("/proc/self/fd");
  const paths = await Promise.all(
    descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")),
  );
  return paths.filter((path) => path.startsWith(`${folder}/uploads/`));
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
    await rig.uploads.append(upload, bytes("some"));
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

  it("tell a client with too many of its own when to come again", async () => {
    const rig = await HostedRig.open();
    await beginMany(rig, "10.0.0.1", 256);
    const refusal = await beginOf(rig, "10.0.0.1").catch((error: RegistryError) => error);
    expect(refusal).toMatchObject({ status: 429, headers: new Map([["retry-after", ["60"]]]) });
  });

  it("that never got a byte end after ten minutes", async () => {
    const rig = await HostedRig.open();
    const [empty, begun] = [await rig.beginUpload("a"), await rig.beginUpload("a")];
    await rig.uploads.append(begun, bytes("some"));
    rig.pass(9 * 60 * second);
    await rig.uploads.sweep();
    expect(empty.isOver).toBe(false);
    rig.pass(2 * 60 * second);
    await rig.uploads.sweep();
    expect([empty.isOver, begun.isOver]).toEqual([true, false]);
  });

  it("that never got a byte are gone ten minutes after they were begun, though a stop kept them", async () => {
    const rig = await HostedRig.open();
    const [empty, begun] = [await rig.beginUpload("a"), await rig.beginUpload("a")];
    await rig.uploads.append(begun, bytes("some"));
    rig.pass(hour);
    await rig.restart();
    expect(() => rig.uploads.find(empty.id, empty)).toThrow("there is no such upload");
    expect(rig.uploads.find(begun.id, begun).written).toBe(4);
  });

  it("that one leaves by the thousand keep nobody else from pushing", async () => {
    const rig = await HostedRig.open();
    const left = await crowd(rig);
    const other = await beginOf(rig, "10.0.0.9");
    expect(rig.uploads.count).toBe(1_000);
    expect(left.filter(({ isOver }) => isOver)).toEqual([left[0]]);
    await rig.uploads.append(other, bytes("pushed"));
    await rig.uploads.finish(other, digestOf(Buffer.from("pushed")));
  });

  it("that hold bytes go last, and one that is being written never goes", async () => {
    const rig = await HostedRig.open();
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* slow(): AsyncIterable<Uint8Array> {
      yield Buffer.from("slow");
      await promise;
    }
    const [written, begun, ...empty] = await beginMany(rig, "10.0.0.1", 256);
    if (written === undefined || begun === undefined) throw new Error("none was begun");
    await rig.uploads.append(begun, bytes("some"));
    const writing = rig.uploads.append(written, slow());
    rig.pass(second);
    for (const few of ["10.0.0.2", "10.0.0.3", "10.0.0.4"]) await beginMany(rig, few, 248);
    expect(rig.uploads.count).toBe(1_000);
    await beginMany(rig, "10.0.0.9", 1);
    expect(empty.filter(({ isOver }) => isOver)).toEqual([empty[0]]);
    expect([written.isOver, begun.isOver]).toEqual([false, false]);
    resolve();
    await writing;
  });

  it("of a client that has few go to none that has many", async () => {
    const rig = await HostedRig.open();
    const few = await beginMany(rig, "10.0.0.1", 2);
    rig.pass(second);
    for (const many of ["10.0.0.2", "10.0.0.3", "10.0.0.4"]) await beginMany(rig, many, 256);
    await beginMany(rig, "10.0.0.5", 230);
    expect(rig.uploads.count).toBe(1_000);
    for (let count = 0; count < 26; count += 1) await beginOf(rig, "10.0.0.5");
    expect(few.some(({ isOver }) => isOver)).toBe(false);
    expect(rig.uploads.count).toBe(1_000);
  });

  it("begun all at once by many are a thousand, as one after another", async () => {
    const rig = await HostedRig.open();
    await crowd(rig);
    await Promise.all(Array.from({ length: 100 }, (_, client) => beginOf(rig, `10.0.1.${client}`)));
    expect(rig.uploads.count).toBe(1_000);
  });

  it("that are all being written are no one's to take, and who comes is told when to come again", async () => {
    const rig = await HostedRig.open();
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* slow(): AsyncIterable<Uint8Array> {
      await promise;
      yield Buffer.from("slow");
    }
    const writing = (await crowd(rig)).map((upload) => rig.uploads.append(upload, slow()));
    const refusal = await beginOf(rig, "10.0.0.9").catch((error: RegistryError) => error);
    expect(refusal).toMatchObject({ status: 429, headers: new Map([["retry-after", ["60"]]]) });
    resolve();
    await Promise.all(writing);
  });

  it("that ended take no bytes and become no blob, whoever found them before", async () => {
    const rig = await HostedRig.open();
    const upload = await rig.beginUpload("a");
    await rig.uploads.append(upload, bytes("some"));
    await rig.uploads.cancel(upload);
    const finishing = rig.uploads.finish(upload, digestOf(Buffer.from("some")));
    await expect(finishing).rejects.toMatchObject({ code: "BLOB_UPLOAD_UNKNOWN" });
    expect(rig.catalogue.repository(nameOf("a"))).toBeUndefined();
  });

  it("that nobody has sent a byte to hold no file open, also after a restart, and go on as ever", async () => {
    const rig = await HostedRig.open();
    const [upload] = await beginMany(rig, "10.0.0.1", 100);
    if (upload === undefined) throw new Error("none was begun");
    expect(await openIn(rig.path)).toEqual([]);
    await rig.restart();
    expect(await openIn(rig.path)).toEqual([]);
    const again = rig.uploads.find(upload.id, upload);
    await rig.uploads.append(again, bytes("pushed"));
    expect(await openIn(rig.path)).toHaveLength(1);
    const digest = digestOf(Buffer.from("pushed"));
    await rig.uploads.finish(again, digest);
    await rig.read("a", digest);
    expect(await openIn(rig.path)).toEqual([]);
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
