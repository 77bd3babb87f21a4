import { describe, expect, it } from "vitest";
import { type InSequence, Sequence } from "../../src/runtime/sequence.ts";

interface Guest extends InSequence<Guest> {
  readonly name: string;
}

function guests(names: string): Guest[] {
  return [...names].map((name) => ({ name, before: undefined, after: undefined }));
}

const namesIn = (line: Sequence<Guest>): string => line.all.map(({ name }) => name).join("");

describe("a sequence", () => {
  it("is left from its beginning, its middle and its end", () => {
    const line = new Sequence<Guest>();
    const all = guests("abcde");
    for (const one of all) line.add(one);
    for (const at of [2, 0, 4]) expect(line.remove(all[at] as Guest)).toBe(true);
    expect([namesIn(line), line.first?.name]).toEqual(["bd", "b"]);
    for (const at of [1, 3]) line.remove(all[at] as Guest);
    expect([namesIn(line), line.first]).toEqual(["", undefined]);
    for (const one of all) line.add(one);
    expect(namesIn(line)).toBe("abcde");
  });

  it("is left once only", () => {
    const line = new Sequence<Guest>();
    const [one, other] = guests("ab") as [Guest, Guest];
    expect(line.remove(one)).toBe(false);
    line.add(one);
    line.add(other);
    expect([line.remove(one), line.remove(one), namesIn(line)]).toEqual([true, false, "b"]);
  });

  it("puts who is renewed at its end", () => {
    const line = new Sequence<Guest>();
    const all = guests("abc");
    for (const one of all) line.add(one);
    for (const at of [0, 2, 2, 1]) line.renew(all[at] as Guest);
    expect(namesIn(line)).toBe("acb");
  });

  it("leaves nothing that leads from who has left to who is there", () => {
    const line = new Sequence<Guest>();
    const all = guests("abc");
    for (const one of all) line.add(one);
    line.remove(all[1] as Guest);
    line.remove(all[0] as Guest);
    for (const gone of all.slice(0, 2))
      expect([gone.before, gone.after]).toEqual([undefined, undefined]);
  });
});
