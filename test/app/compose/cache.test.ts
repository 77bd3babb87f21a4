import { describe, expect, it } from "vitest";
import { Decision } from "../../../src/cache/why.ts";
import { parseRepositoryName, type RepositoryName } from "../../../src/protocol/reference.ts";
import { eventually } from "../../support/eventually.ts";
import { stallAt } from "../../support/fake-registry/fault.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { composedOver } from "./composed.ts";

type Composed = Awaited<ReturnType<typeof composedOver>>;

/** What a client gets who asks for the blob. */
async function ask({ cache, registry }: Composed, bytes: Buffer) {
  const answer = await cache.pulls.blob({
    registry: registry.registry,
    repository: parseRepositoryName("team/app") as RepositoryName,
    digest: registry.addBlob(bytes),
    access: { kind: "none" },
    ...{ isHead: false, noCache: false, isMirror: false, range: undefined },
    decision: new Decision(),
    signal: AbortSignal.timeout(10_000),
  });
  if (answer.kind !== "content") throw new Error(`no content: ${answer.kind}`);
  return answer;
}

/** Reads the whole blob as a client would. */
async function pull(composed: Composed, bytes: Buffer): Promise<string> {
  const answer = await ask(composed, bytes);
  const buffer = Buffer.alloc(bytes.length + 1);
  let position = 0;
  for (;;) {
    const signal = AbortSignal.timeout(10_000);
    const read = await answer.source.read(buffer.subarray(position), position, signal);
    if (read === 0) break;
    position += read;
  }
  await answer.source.close();
  expect(buffer.subarray(0, position).equals(bytes)).toBe(true);
  return answer.outcome;
}

/** A blob of 600,000 bytes whose one reader has left at half of it, where the upstream waits at a gate. */
async function withDownloadThatIsLeft(environment: Readonly<Record<string, string>>) {
  const composed = await composedOver(environment);
  const bytes = Buffer.alloc(600_000, "left alone");
  const stall = stallAt(300_000);
  composed.registry.misbehave({ path: /blobs/, times: 1 }, stall);
  const { source } = await ask(composed, bytes);
  await stall.gate.reached;
  await source.close();
  return { composed, bytes, gate: stall.gate };
}

const gets = ({ registry }: Composed): number =>
  registry.requests.filter(({ method, url }) => method === "GET" && url.includes("/blobs/")).length;

describe("the cache over its store", () => {
  it("fetches a blob once", async () => {
    const composed = await composedOver();
    const bytes = Buffer.alloc(300_000, "layer");
    expect(await pull(composed, bytes)).toBe("miss");
    // Until the download is over, others join it; then it is the store that answers.
    await eventually(async () => (await pull(composed, bytes)) === "hit");
    expect(gets(composed)).toBe(1);
  });

  it("passes on a blob that is more than all may be together, and evicts nothing for it", async () => {
    const composed = await composedOver({ CACHE_MAX_SIZE: "500 KB" });
    await composed.cache.start();
    const [small, huge] = [Buffer.alloc(300_000, "small"), Buffer.alloc(600_000, "huge")];
    await pull(composed, small);
    await eventually(async () => (await pull(composed, small)) === "hit");
    await pull(composed, huge);
    await pull(composed, huge);
    expect(await pull(composed, small)).toBe("hit");
    const kept: number[] = [];
    for await (const { size } of composed.store.blobs.list()) kept.push(size);
    expect(kept).toEqual([300_000]);
    const lines = composed.lines.filter((line) => line.includes("too large to be kept"));
    expect(lines.length).toBeGreaterThan(0);
  });

  it("goes on with a download whose client has left", async () => {
    const { composed, bytes, gate } = await withDownloadThatIsLeft({});
    gate.open();
    await eventually(async () => (await pull(composed, bytes)) === "hit");
    expect(gets(composed)).toBe(1);
  });

  it("takes a download up after a restart where it was broken off", async () => {
    const DATA_DIR = await temporaryFolder();
    const bytes = Buffer.alloc(3_000_000, "stopped in the middle");
    const first = await composedOver({ DATA_DIR });
    const stall = stallAt(2_000_000);
    first.registry.misbehave({ path: /blobs/, times: 1 }, stall);
    const { source } = await ask(first, bytes);
    // In their order, as clients read: a byte far ahead would be asked for by itself.
    const part = Buffer.alloc(65_536);
    for (let at = 0; at < 1_900_000; ) {
      at += await source.read(part, at, AbortSignal.timeout(10_000));
    }
    await first.close();
    await source.close();
    const next = await composedOver({ DATA_DIR }, first.registry);
    expect(await pull(next, bytes)).toBe("miss");
    await next.close();
    const sent = next.registry.requests.map(({ headers, bytesSent }) => [headers.range, bytesSent]);
    expect(sent.at(-1)).toEqual([expect.stringMatching(/^bytes=[12]\d{6}-$/), expect.any(Number)]);
    expect(next.registry.requests.reduce((sum, one) => sum + one.bytesSent, 0)).toBeLessThan(
      1.05 * bytes.length,
    );
  });

  it.each([{ ORPHAN_DOWNLOADS: "0" }, { ORPHAN_SIZE: "500 KB" }, { ORPHAN_TIME: "1 ms" }])(
    "gives a download up once its client has left, with %j",
    async (environment) => {
      const { composed, bytes, gate } = await withDownloadThatIsLeft(environment);
      await eventually(() => composed.lines.some((line) => line.includes("nobody waits for")));
      gate.open();
      expect(await pull(composed, bytes)).toBe("miss");
      expect(gets(composed)).toBe(2);
    },
  );

  it("evicts what is over its cap, and fetches it again when it is asked for", async () => {
    const composed = await composedOver({ CACHE_MAX_SIZE: "500 KB" });
    await composed.cache.start();
    const [one, other] = [Buffer.alloc(300_000, "one"), Buffer.alloc(300_000, "other")];
    await pull(composed, one);
    await pull(composed, other);
    await eventually(async () => {
      let kept = 0;
      for await (const { size } of composed.store.blobs.list()) kept += size;
      return kept <= 500_000;
    });
    await eventually(async () => {
      await pull(composed, one);
      await pull(composed, other);
      return gets(composed) > 2;
    });
  });
});
