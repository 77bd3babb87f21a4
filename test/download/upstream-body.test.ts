import { describe, expect, it } from "vitest";
import { bodyOpener } from "../../src/download/upstream-body.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { askFor, content } from "../cache/support/pulling.ts";
import { type Script, ScriptedRegistry } from "../cache/support/scripted-registry.ts";
import { eventually } from "../support/eventually.ts";

const bytes = content(10_000);

async function bodyAt(offset: number, script: (nth: number) => Script) {
  const upstream = new ScriptedRegistry(bytes, (_, nth) => script(nth));
  const source = askFor(digestOf(bytes));
  const { body, total } = await bodyOpener(upstream)(source, offset, new AbortController().signal);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return { got: Buffer.concat(parts), total, requests: upstream.seen.length };
}

describe("the body of a digest from some byte on", () => {
  it.each<[string, Script, number]>([
    ["a registry that knows ranges", {}, 1],
    ["one that does not", { ignoreRange: true }, 1],
    ["one that sends another part", { wrongRange: 5 }, 2],
  ])("comes right from %s", async (_, script, requests) => {
    const opened = await bodyAt(4_000, () => ({ piece: 300, ...script }));
    expect(opened.got.equals(bytes.subarray(4_000))).toBe(true);
    expect(opened).toMatchObject({ total: 10_000, requests });
  });

  it.each([400, 416, 501])("is skipped forward to where ranges are answered %i", async (status) => {
    const opened = await bodyAt(4_000, (nth) => (nth === 0 ? { status } : {}));
    expect(opened.got.equals(bytes.subarray(4_000))).toBe(true);
  });

  it.each([401, 404, 503])("is refused with %i as it is", async (status) => {
    await expect(bodyAt(4_000, () => ({ status }))).rejects.toMatchObject({ response: { status } });
  });

  it("is let go of when its digest cannot cover its bytes", async () => {
    const contentType = "application/vnd.docker.distribution.manifest.v1+prettyjws; charset=utf-8";
    const upstream = new ScriptedRegistry(bytes, () => ({ contentType }));
    const opening = bodyOpener(upstream)(
      askFor(digestOf(bytes), { kind: "manifest" }),
      0,
      new AbortController().signal,
    );
    await expect(opening).rejects.toMatchObject({ code: "UNVERIFIABLE" });
    await eventually(() => expect(upstream.open).toBe(0));
  });
});
