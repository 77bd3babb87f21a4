import { describe, expect, it } from "vitest";
import { named, newLease, renewed } from "../../src/hosted/leases.ts";

const minute = 60_000;
const hour = 60 * minute;
const start = 1_800_000_000_000;

describe("a lease", () => {
  it("is written down anew once a quarter of it is over, and not with every answer", () => {
    const link = newLease(start);
    for (const now of [0, 10 * minute, 14 * minute]) {
      expect(renewed(link, start + now, hour)).toBeUndefined();
    }
    const later = start + 20 * minute;
    expect(renewed(link, later, hour)).toEqual({ ...link, answeredAt: later });
  });

  it("is over with the manifest that names it, which is written down once", () => {
    const link = named(newLease(start), start + minute);
    expect(link?.namedAt).toBe(start + minute);
    expect(link && named(link, start + 2 * minute)).toBeUndefined();
  });

  it("begins anew when it is answered for once more after that", () => {
    const link = named(newLease(start), start + minute);
    const again = link && renewed(link, start + 3 * minute, hour);
    expect(again?.answeredAt).toBe(start + 3 * minute);
  });
});
