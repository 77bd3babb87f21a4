import { describe, expect, it } from "vitest";
import { Window } from "../../src/download/window.ts";

function window(): Window {
  const made = new Window(100);
  for (const text of ["abc", "d", "efgh"]) made.push(Buffer.from(text));
  return made;
}

function copy(from: Window, position: number, end: number, room = 20): string {
  const buffer = Buffer.alloc(room);
  return buffer.toString("latin1", 0, from.copyTo(buffer, position, end));
}

describe("a window", () => {
  it("copies across its chunks, up to the end allowed and the room there is", () => {
    const some = window();
    expect(some.end).toBe(108);
    expect(copy(some, 100, 108)).toBe("abcdefgh");
    expect(copy(some, 101, 106)).toBe("bcdef");
    expect(copy(some, 102, 108, 3)).toBe("cde");
    expect(copy(some, 103, 104)).toBe("d");
    expect(copy(some, 108, 108)).toBe("");
    expect(copy(some, 200, 108)).toBe("");
  });

  it("lets go of what lies before, and says so when it is asked for", () => {
    const some = window();
    some.dropBefore(104);
    expect(some.start).toBe(104);
    expect(copy(some, 104, 108)).toBe("efgh");
    expect(() => copy(some, 103, 108)).toThrow(RangeError);
    some.dropBefore(200);
    some.push(Buffer.from("i"));
    expect(copy(some, 108, 109)).toBe("i");
  });
});
