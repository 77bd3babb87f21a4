import { describe, expect, it } from "vitest";
import {
  native,
  printTagState,
  readTagState,
  type TagState,
  withVariant,
} from "../../../src/cache/tags/tag-state.ts";
import { digestOf } from "../../../src/protocol/digest.ts";

const entry = (text: string, size?: number) => ({
  digest: digestOf(Buffer.from(text)),
  mediaType: "a/b",
  size,
  checkedAt: 5,
});

describe("the state of a tag", () => {
  it("is read back as it was written", () => {
    const state: TagState = new Map([
      [native, { current: entry("a", 3), kept: undefined }],
      ["a/b,c/d", { current: entry("b"), kept: entry("c", 1) }],
    ]);
    expect(readTagState(JSON.parse(JSON.stringify(printTagState(state))))).toEqual(state);
  });

  it.each([
    [null],
    ["x"],
    [{}],
    [[1]],
    [[{ name: 1 }]],
    [[{ name: "native", current: { digest: "sha256:1", mediaType: "a/b", checkedAt: 1 } }]],
    [[{ name: "native", current: { digest: entry("a").digest, mediaType: 1, checkedAt: 1 } }]],
  ])("is not made up from %j", (value) => {
    expect(readTagState(value)).toBeUndefined();
  });

  it("has so many variants and no more, and never loses the native one", () => {
    let state = withVariant(undefined, native, { current: entry("n"), kept: undefined });
    for (let index = 0; index < 40; index += 1)
      state = withVariant(state, `set ${index}`, { current: entry("v"), kept: undefined });
    expect([state.size, state.has(native), state.has("set 39"), state.has("set 0")]).toEqual([
      16,
      true,
      true,
      false,
    ]);
  });
});
