import { describe, expect, it } from "vitest";
import { releasable } from "../../src/download/hold-back.ts";

const held = 64 * 1024;

describe("what may go out before the digest is known", () => {
  it.each([
    { written: 0, size: 1_000_000, is: 0 },
    { written: 1, size: 1_000_000, is: 1 },
    { written: 1_000_000 - held, size: 1_000_000, is: 1_000_000 - held },
    { written: 1_000_000 - held + 1, size: 1_000_000, is: 1_000_000 - held },
    { written: 1_000_000, size: 1_000_000, is: 1_000_000 - held },
    { written: held, size: held, is: 0 },
    { written: 1, size: 1, is: 0 },
    { written: 0, size: 0, is: 0 },
    { written: held, size: undefined, is: 0 },
    { written: held + 1, size: undefined, is: 1 },
  ])("of $written bytes of $size is $is", ({ written, size, is }) => {
    expect(releasable(written, size)).toBe(is);
  });
});
