import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { discard, readStart } from "../../src/upstream/body.ts";
import { eventually } from "../support/eventually.ts";

const bytes = (...sizes: number[]) => Readable.from(sizes.map((size) => Buffer.alloc(size, 1)));

describe("the start of a body", () => {
  it("is all of a short one", async () => {
    expect((await readStart(bytes(3, 4), 100)).length).toBe(7);
  });

  it("is cut at the limit, and the rest is never read", async () => {
    const body = bytes(60, 60, 60);
    expect((await readStart(body, 100)).length).toBe(100);
    expect(body.destroyed).toBe(true);
  });

  it("is what came before a failure", async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.from("half");
        throw new Error("cut");
      })(),
    );
    expect(String(await readStart(body, 100))).toBe("half");
  });
});

describe("a body nobody wants", () => {
  it("is read to its end when it is short", async () => {
    const body = bytes(10, 10);
    discard(body);
    await eventually(() => body.readableEnded);
  });

  it("is cut when it is long", async () => {
    const body = bytes(40_000, 40_000, 40_000);
    discard(body);
    await eventually(() => body.destroyed);
    expect(body.readableEnded).toBe(false);
  });
});
