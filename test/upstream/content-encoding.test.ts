import { Readable } from "node:stream";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { decoded, encodingOf } from "../../src/upstream/content-encoding.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { eventually } from "../support/eventually.ts";
import { readAll, rejection } from "./rig.ts";

const text = Buffer.from("a manifest, or a layer; it does not matter\n".repeat(1_000));

function sliced(bytes: Uint8Array, size = 100): Readable {
  const slices: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) slices.push(bytes.subarray(at, at + size));
  return Readable.from(slices);
}

const decode = (body: Readable, encoding: string) => readAll(decoded(body, encoding, "reg.test"));

describe("the encoding of an answer", () => {
  it.each([
    ["gzip", "gzip"],
    [" GZip ", "gzip"],
    ["identity", undefined],
    ["aws-chunked", undefined],
    ["aws-chunked,gzip", "gzip"],
    ["", undefined],
    [undefined, undefined],
    [["gzip", "gzip"], "gzip, gzip"],
  ])("%j is %j", (field, encoding) => {
    expect(encodingOf(headerList({ "content-encoding": field }))).toBe(encoding);
  });
});

describe("decoding an answer", () => {
  it.each([
    ["gzip", gzipSync(text)],
    ["x-gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["br", brotliCompressSync(text)],
    ["zstd", zstdCompressSync(text)],
  ])("undoes %s", async (encoding, bytes) => {
    expect((await decode(sliced(bytes), encoding)).equals(text)).toBe(true);
  });

  it("undoes one layer only", async () => {
    const body = sliced(gzipSync(gzipSync(text)));
    expect(await rejection(decode(body, "gzip, gzip"))).toMatchObject({ code: "PROTOCOL" });
    expect(body.destroyed).toBe(true);
  });

  it("refuses a bomb long before it has gone off", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    let length = 0;
    const read = async () => {
      for await (const chunk of decoded(sliced(bomb, 1_000), "gzip", "reg.test")) {
        length += chunk.length;
      }
    };
    expect(await rejection(read())).toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("beyond measure"),
    });
    expect(length).toBeLessThan(20 * 1024 * 1024);
  });

  it.each([
    ["damaged", Buffer.from("this is not gzip at all")],
    ["cut", gzipSync(text).subarray(0, 60)],
  ])("fails when the bytes are %s", async (_, bytes) => {
    expect(await rejection(decode(sliced(bytes), "gzip"))).toMatchObject({ code: "PROTOCOL" });
  });

  it("fails as the connection did when that was cut", async () => {
    const cut = new UpstreamError("RESET", "reg.test", "cut");
    const body = Readable.from(
      (async function* () {
        yield gzipSync(text).subarray(0, 60);
        throw cut;
      })(),
    );
    expect(await rejection(decode(body, "gzip"))).toBe(cut);
  });

  it("closes the answer when the reader leaves", async () => {
    const body = sliced(gzipSync(text), 10);
    for await (const _chunk of decoded(body, "gzip", "reg.test")) break;
    await eventually(() => body.destroyed);
  });
});
