import { describe, expect, it } from "vitest";
import { layOut } from "../../../src/registry/answer/content-plan.ts";

describe("the layout of an answer", () => {
  it("that the client has already is a bare 304", () => {
    expect(layOut({ kind: "unchanged" }, 5, "a/b")).toMatchObject({
      status: 304,
      fields: [],
      parts: [],
    });
  });

  it("of everything has its length when it is known, and reads on to the end when not", () => {
    expect(layOut({ kind: "whole" }, 5, "a/b")).toMatchObject({
      status: 200,
      fields: ["Content-Type", "a/b", "Content-Length", "5"],
      parts: [{ range: { start: 0, end: 5 } }],
    });
    expect(layOut({ kind: "whole" }, undefined, "a/b")).toMatchObject({
      fields: ["Content-Type", "a/b"],
      parts: [{ range: { start: 0, end: Number.POSITIVE_INFINITY } }],
    });
  });

  it("of nothing has a part all the same: its source is asked whether that is right", () => {
    expect(layOut({ kind: "whole" }, 0, "a/b").parts).toEqual([
      { range: { start: 0, end: 0 }, preamble: undefined },
    ]);
  });

  it("of one range says which", () => {
    const plan = { kind: "part", range: { start: 2, end: 4 }, size: 10 } as const;
    expect(layOut(plan, 10, "a/b")).toMatchObject({
      status: 206,
      fields: ["Content-Type", "a/b", "Content-Length", "2", "Content-Range", "bytes 2-3/10"],
    });
  });

  it("of several ranges uses a boundary nobody can foresee", () => {
    const plan = { kind: "parts", ranges: [{ start: 0, end: 1 }], size: 10 } as const;
    const [first, second] = [layOut(plan, 10, "a/b"), layOut(plan, 10, "a/b")];
    expect(first.fields[1]).toMatch(/^multipart\/byteranges; boundary=[\w-]{36}$/);
    expect(first.fields[1]).not.toBe(second.fields[1]);
    expect(first.epilogue).toBeDefined();
  });
});
