/** Writes that got no answer, as the catalogue asks what is to be done about them. */
import { beforeEach, describe, expect, it } from "vitest";
import { Doubts } from "../../src/hosted/doubts.ts";
import { type Change, keyOf } from "../../src/hosted/pushed.ts";
import { type Digest, digestOf } from "../../src/protocol/digest.ts";

const [one, other] = ["one", "other"].map((text) => digestOf(Buffer.from(text))) as [
  Digest,
  Digest,
];

function loose(digest: Digest, link: true | undefined = true): Change {
  return { kind: "loose", digest, link };
}

let released: Digest[];
let doubts: Doubts;

beforeEach(() => {
  released = [];
  doubts = new Doubts((digest) => released.push(digest));
});

/** A write that got no answer. */
function lose(change: Change, held: readonly Digest[] = []): void {
  doubts.begin([change]);
  doubts.doubt([change], held);
  doubts.end([change]);
}

/** What the next write puts back, by its keys; it is carried out. */
function write(change: Change): readonly string[] {
  const back = doubts.begin([change]);
  doubts.end([change]);
  doubts.settle([change, ...back]);
  return back.map(keyOf);
}

describe("a write without an answer", () => {
  it("is put right by the next write, and by no other after that", () => {
    lose(loose(one));
    expect(write(loose(other))).toEqual([keyOf(loose(one))]);
    expect(write(loose(other))).toEqual([]);
  });

  it("is not put back by a write of the same, which says itself how it is", () => {
    lose(loose(one));
    expect(write(loose(one, undefined))).toEqual([]);
    expect(write(loose(other))).toEqual([]);
  });

  it("is not put back beside another write of the same that is under way", () => {
    lose(loose(one));
    doubts.begin([loose(one)]);
    expect(write(loose(other))).toEqual([]);
    doubts.end([loose(one)]);
    // That one got no answer either.
    expect(write(loose(other))).toEqual([keyOf(loose(one))]);
  });

  it("keeps its bytes until all that is in doubt is settled", () => {
    lose(loose(one), [one]);
    lose(loose(other), [other]);
    doubts.begin([loose(one)]);
    doubts.end([loose(one)]);
    doubts.settle([loose(one)]);
    expect(released).toEqual([]);
    expect(write(loose(one))).toEqual([keyOf(loose(other))]);
    expect(released).toEqual([one, other]);
    expect(write(loose(one))).toEqual([]);
    expect(released).toEqual([one, other]);
  });

  it("keeps its bytes once more when it is lost again", () => {
    lose(loose(one), [one]);
    lose(loose(one), [one]);
    write(loose(one));
    expect(released).toEqual([one, one]);
  });
});
