import { describe, expect, it } from "vitest";
import { didYouMean, nearest } from "../../../src/app/settings/nearest.ts";

const words = ["port", "tls_port", "cache_max_size", "cache_min_free", "tag_ttl", "registries"];

describe("the word that was meant", () => {
  it.each([
    ["prot", "port"],
    ["cache_max_sise", "cache_max_size"],
    ["cachemaxsize", "cache_max_size"],
    ["tag-ttl", "tag_ttl"],
    ["registeries", "registries"],
    ["port", "port"],
    ["colour", undefined],
    ["", undefined],
  ])("by %o is %s", (word, meant) => {
    expect(nearest(word, words)).toBe(meant);
  });

  it("is asked for, or not", () => {
    expect(didYouMean("tag_tll", words)).toBe("; did you mean tag_ttl?");
    expect(didYouMean("something else", words)).toBe("");
    expect(didYouMean("x", [])).toBe("");
  });
});
