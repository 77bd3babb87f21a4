import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Checkpoints } from "../../src/download/checkpoints.ts";
import { runningHash } from "../support/running-hash.ts";

const mib = 1024 * 1024;

/** Checkpoints of a stream that came in pieces; the hash of each is that of its position's digits. */
function passedBy(end: number, piece: number): Checkpoints {
  const checkpoints = new Checkpoints(runningHash(Buffer.from("0")));
  for (let position = piece; position <= end; position += piece)
    checkpoints.add(position, runningHash(Buffer.from(`${position}`)));
  return checkpoints;
}

const hashOf = (position: number): string =>
  createHash("sha256").update(`${position}`).digest("hex");

describe("checkpoints", () => {
  it("lie no more than a MiB and a piece behind, at first", async () => {
    const checkpoints = passedBy(20 * mib, 256 * 1024);
    for (const position of [0, 1, mib - 1, mib, 5 * mib + 7, 20 * mib]) {
      const { position: start, hash } = checkpoints.before(position);
      expect(start).toBe(Math.floor(position / mib) * mib);
      expect((await hash.digest()).toString("hex")).toBe(hashOf(start));
    }
  });

  it("can be gone back to again and again", async () => {
    const checkpoints = passedBy(2 * mib, mib);
    await checkpoints.before(mib).hash.after(Buffer.from("more"));
    const again = await checkpoints.before(mib).hash.digest();
    expect(again.toString("hex")).toBe(hashOf(mib));
  });

  it("lie further apart in a long stream, and a fiftieth of it at most", () => {
    const end = 20 * 1024 * mib;
    const checkpoints = passedBy(end, 4 * mib);
    for (let position = 0; position <= end; position += 777 * mib) {
      const back = position - checkpoints.before(position).position;
      expect(back).toBeLessThanOrEqual(end / 50);
    }
  });
});
