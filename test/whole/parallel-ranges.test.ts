/** Clients that fetch one layer in pieces, each by a way of its own, through the whole program. */
import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { redirect } from "../support/fake-registry/fault.ts";
import { viaProxy } from "./support/client.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const mib = 1024 * 1024;
const layer = randomBytes(24 * mib);

let program: Program;
let registry: NamedRegistry;
let cdn: NamedRegistry;
let digest: Digest;

beforeEach(async () => {
  const scene = await Scene.open();
  registry = await scene.registry("registry.test");
  digest = registry.server.addBlob(layer);
  cdn = await scene.registry("cdn.test");
  cdn.server.addBlob(layer);
  program = await scene.start({ REGISTRIES: `${registry.name} ${cdn.name}` });
});

const bodies = () => registry.server.requests.filter(({ method }) => method === "GET");
const sent = () => bodies().reduce((sum, { bytesSent }) => sum + bytesSent, 0);

async function part(from: number, to: number): Promise<void> {
  const headers = { range: `bytes=${from}-${to - 1}` };
  const answer = await viaProxy(program, registry.name, `/v2/team/app/blobs/${digest}`, {
    headers,
  });
  expect([answer.status, answer.headers["content-range"]]).toEqual([
    206,
    `bytes ${from}-${to - 1}/${layer.length}`,
  ]);
  expect(answer.body.equals(layer.subarray(from, to))).toBe(true);
}

describe("a cold layer", () => {
  it("that six clients fetch in sixteen parallel ranges each costs the registry one layer", async () => {
    const each = layer.length / 16;
    const parts = Array.from({ length: 16 }, (_, index) => part(index * each, (index + 1) * each));
    const more = Array.from({ length: 80 }, (_, index) =>
      part((index % 16) * each, ((index % 16) + 1) * each),
    );
    await Promise.all([...parts, ...more]);
    await eventually(() => program.lines.some((line) => line.includes("kept a blob")));
    expect(sent()).toBeLessThanOrEqual(layer.length * 1.05);
  });

  it("of which a lazy client reads hundreds of small parts costs those, and nothing when it is kept", async () => {
    const starts = Array.from(
      { length: 200 },
      (_, index) => (index * 7_919 * 13) % (layer.length / 2),
    );
    await part(layer.length - 50_000, layer.length);
    for (const start of starts) await part(start, start + 20_000);
    expect(sent()).toBeLessThanOrEqual(201 * 20_000 + 50_000);
    expect(program.lines.filter((line) => line.includes("a download failed"))).toEqual([]);
    const whole = await viaProxy(program, registry.name, `/v2/team/app/blobs/${digest}`);
    expect(whole.body.equals(layer)).toBe(true);
    await eventually(() => program.lines.some((line) => line.includes("kept a blob")));
    const before = sent();
    expect(before).toBeLessThanOrEqual(layer.length * 1.05);
    for (const start of starts.slice(0, 20)) await part(start, start + 20_000);
    expect(sent()).toBe(before);
  });

  it("that lies where the registry sends us to is asked for there again, not at the registry", async () => {
    const sendOn = redirect(`https://${cdn.name}/cdn/${digest}`);
    registry.server.misbehave({ method: "GET", path: /\/blobs\// }, sendOn);
    await part(1_000, 2_000);
    await part(5 * mib, 6 * mib);
    expect(registry.server.count({ method: "GET", path: /\/blobs\// })).toBe(1);
    expect(cdn.server.count({ method: "GET" })).toBe(2);
  });
});
