import { describe, expect, it } from "vitest";
import { ReaderBuffers } from "../../../src/registry/answer/reader-buffers.ts";

const kib = 1024;

describe("readers' buffers", () => {
  it.each([
    [0, 256],
    [1, 256],
    [128, 256],
    [129, 128],
    [1000, 32],
    [2048, 16],
    [10_000, 16],
  ])("are, with %i readers, %i KiB each", (readers, size) => {
    const buffers = new ReaderBuffers();
    const loans = Array.from({ length: readers }, () => buffers.lend());
    expect(buffers.share).toBe(size * kib);
    expect(buffers.open).toBe(readers);
    for (const loan of loans) loan.giveBack();
    expect(buffers.open).toBe(0);
  });

  it.each([
    [1, 2048],
    [4, 2048],
    [5, 1024],
    [9, 512],
    [32, 256],
    [129, 128],
    [1000, 32],
  ])("are, with %i readers, %i KiB for who is fast", (readers, size) => {
    const buffers = new ReaderBuffers();
    const loans = Array.from({ length: readers }, () => buffers.lend());
    expect(loans[0]?.buffer(Number.POSITIVE_INFINITY, true)).toHaveLength(size * kib);
  });

  it("are as small as anybody's again for who is fast no more", () => {
    const buffers = new ReaderBuffers();
    const loan = buffers.lend();
    expect(loan.buffer(10_000_000, true)).toHaveLength(2048 * kib);
    expect(loan.buffer(10_000_000, false)).toHaveLength(256 * kib);
    expect(buffers.lent).toBe(256 * kib);
    expect(loan.buffer(600 * kib, true)).toHaveLength(1024 * kib);
    loan.giveBack();
    expect(buffers.lent).toBe(0);
  });

  it("of who was fast go to the next who is, and keep no other's from being used again", () => {
    const buffers = new ReaderBuffers();
    const loans = Array.from({ length: 4 }, () => buffers.lend());
    const wide = loans.map((loan) => loan.buffer(10_000_000, true));
    const usual = buffers.lend();
    const buffer = usual.buffer(1_000_000);
    for (const loan of loans) loan.giveBack();
    usual.giveBack();
    const next = buffers.lend();
    expect(next.buffer(10_000_000)).toBe(buffer);
    expect(wide).toContain(next.buffer(10_000_000, true));
    expect(wide).not.toContain(buffers.lend().buffer(10_000_000, true));
  });

  it("leave most of the budget to others when those who were fast stop, one after another", () => {
    const buffers = new ReaderBuffers();
    const loans = Array.from({ length: 64 }, () => {
      const loan = buffers.lend();
      loan.buffer(10_000_000, true);
      return loan;
    });
    expect(buffers.lent).toBeLessThanOrEqual((8 + 60 / 4) * kib * kib);
    for (const loan of loans) loan.giveBack();
    expect(buffers.lent).toBe(0);
    expect(buffers.lend().buffer(10_000_000, true)).toHaveLength(2048 * kib);
  });

  it("are no larger than what is left to read", () => {
    expect(new ReaderBuffers().lend().buffer(700)).toHaveLength(700);
    expect(new ReaderBuffers().lend().buffer(0)).toHaveLength(1);
  });

  it("stay the same while one reader reads, to the last byte", () => {
    const loan = new ReaderBuffers().lend();
    const first = loan.buffer(Number.POSITIVE_INFINITY);
    expect(first).toHaveLength(256 * kib);
    expect(loan.buffer(300 * kib)).toBe(first);
    expect(loan.buffer(1)).toBe(first);
  });

  it("shrink for everybody when readers come, and grow when they leave", () => {
    const buffers = new ReaderBuffers();
    const loan = buffers.lend();
    expect(loan.buffer(1_000_000)).toHaveLength(256 * kib);
    const others = Array.from({ length: 300 }, () => buffers.lend());
    expect(loan.buffer(1_000_000)).toHaveLength(64 * kib);
    for (const other of others) other.giveBack();
    expect(loan.buffer(1_000_000)).toHaveLength(256 * kib);
  });

  it("go to the next reader, but never to two at once", () => {
    const buffers = new ReaderBuffers();
    const first = buffers.lend();
    const buffer = first.buffer(1_000_000);
    first.giveBack();
    first.giveBack();
    expect(buffers.open).toBe(0);
    const [second, third] = [buffers.lend(), buffers.lend()];
    expect(second.buffer(1_000_000)).toBe(buffer);
    expect(third.buffer(1_000_000)).not.toBe(buffer);
  });

  it("take no more than 32 MiB together when a thousand readers come in one moment", () => {
    const buffers = new ReaderBuffers();
    const seen = new Set<ArrayBufferLike>();
    const loans = Array.from({ length: 1_000 }, () => {
      const loan = buffers.lend();
      seen.add(loan.buffer(Number.POSITIVE_INFINITY).buffer);
      return loan;
    });
    // What those who came too late for the budget get: the smallest each.
    expect(buffers.lent).toBeLessThanOrEqual((32 + 16) * kib * kib);
    for (let round = 0; round < 3; round += 1) {
      for (const loan of loans) seen.add(loan.buffer(Number.POSITIVE_INFINITY).buffer);
    }
    expect(loans.map((loan) => loan.buffer(1_000_000).length)).toEqual(loans.map(() => 32 * kib));
    const taken = [...seen].reduce((sum, memory) => sum + memory.byteLength, 0);
    expect(taken).toBeLessThanOrEqual(64 * kib * kib);
    for (const loan of loans) loan.giveBack();
    expect(buffers.lent).toBe(0);
  });

  it("are whole again for the next reader once a crowd has left", () => {
    const buffers = new ReaderBuffers();
    const crowd = Array.from({ length: 1_000 }, () => buffers.lend());
    for (const loan of crowd) loan.buffer(1_000_000);
    for (const loan of crowd) loan.buffer(1_000_000);
    for (const loan of crowd) loan.giveBack();
    const first = buffers.lend();
    const buffer = first.buffer(1_000_000);
    expect(buffer).toHaveLength(256 * kib);
    first.giveBack();
    expect(buffers.lend().buffer(1_000_000)).toBe(buffer);
  });

  it("are never shared by two readers of a crowd", () => {
    const buffers = new ReaderBuffers();
    const loans = Array.from({ length: 600 }, () => buffers.lend());
    for (let round = 0; round < 2; round += 1) for (const loan of loans) loan.buffer(1_000_000);
    for (const [index, loan] of loans.entries()) loan.buffer(1_000_000).fill(index % 251);
    for (const [index, loan] of loans.entries()) {
      const buffer = loan.buffer(1_000_000);
      expect(buffer.every((byte) => byte === index % 251)).toBe(true);
    }
  });
});
