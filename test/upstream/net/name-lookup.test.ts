import { describe, expect, it } from "vitest";
import { NameLookup } from "../../../src/upstream/net/name-lookup.ts";
import { rejection } from "../rig.ts";

const never = new AbortController().signal;

describe("looking a name up", () => {
  it("asks nobody for an address literal", async () => {
    const names = new NameLookup(() => Promise.reject(new Error("not to be asked")));
    expect(await names.resolve("::1", never)).toEqual([{ address: "::1", family: 6 }]);
    expect(await names.resolve("192.0.2.1", never)).toEqual([{ address: "192.0.2.1", family: 4 }]);
  });

  it("asks once for all who wait, and again afterwards", async () => {
    let asked = 0;
    const names = new NameLookup(async () => {
      asked += 1;
      return [{ address: "192.0.2.1", family: 4 }];
    });
    await Promise.all([names.resolve("reg.test", never), names.resolve("reg.test", never)]);
    expect(asked).toBe(1);
    await names.resolve("reg.test", never);
    expect(asked).toBe(2);
  });

  it.each(["ENOTFOUND", "EAI_AGAIN", "SERVFAIL"])("names the resolver's %s", async (code) => {
    const cause = Object.assign(new Error("resolver"), { code });
    const names = new NameLookup(() => Promise.reject(cause));
    expect(await rejection(names.resolve("reg.test", never))).toMatchObject({
      code: "DNS",
      host: "reg.test",
      message: `reg.test cannot be resolved (${code})`,
      cause,
    });
  });

  it("takes an empty answer for none", async () => {
    const names = new NameLookup(async () => []);
    expect(await rejection(names.resolve("reg.test", never))).toMatchObject({ code: "DNS" });
  });

  it("stops waiting with the signal, while others go on waiting", async () => {
    const answer = Promise.withResolvers<[{ address: string; family: 4 }]>();
    const names = new NameLookup(() => answer.promise);
    const stop = new AbortController();
    const left = names.resolve("reg.test", stop.signal);
    const stayed = names.resolve("reg.test", never);
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await rejection(left)).toMatchObject({ code: "ABORTED", cause: reason });
    answer.resolve([{ address: "192.0.2.1", family: 4 }]);
    expect(await stayed).toHaveLength(1);
  });
});
