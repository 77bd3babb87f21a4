/** One address asks for more names than anything can remember: it pushes out its own, and nobody else's. */
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { ociManifest } from "../../src/protocol/media-type.ts";
import type { Access } from "../../src/upstream/registry-client.ts";
import { contentOf, House, login, statusOf } from "./support/house.ts";
import { members, respond } from "./support/registries.ts";

const office: Access = { kind: "anonymous", from: "10.0.0.1" };
const attacker: Access = { kind: "anonymous", from: "10.0.0.66" };
const long = "x".repeat(200);
const longTag = "t".repeat(128);

let house: House;

beforeEach(() => {
  house = new House();
  const closed = house;
  onTestFinished(() => closed.close());
});

/** A registry of the attacker's, which has whatever is asked for but `missing`. */
function addEvil(): void {
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest }));
  const fields = { "content-type": ociManifest, "docker-content-digest": digestOf(body) };
  house.upstream.fault("evil.example", (request) =>
    request.target.startsWith("/v2/missing/")
      ? respond(request, 404)
      : respond(request, 200, fields, body),
  );
}

it("another client's tag, 404 and login stay what they are while one address asks for 10,000 distinct names", {
  timeout: 180_000,
}, async () => {
  addEvil();
  house.credential = undefined;
  const own = { ...login("CANARY-alice"), from: office.from };
  const door = members({ logins: ["CANARY-alice"] });
  const image = house.upstream.repository("docker.io", "corp/app", door).addImage("1", "app");
  house.upstream.repository("docker.io", "library/alpine").addImage("3.20", "alpine");
  const tag = () => house.manifest("docker.io/library/alpine:3.20", { access: office });
  const missing = () =>
    statusOf(house.manifest("docker.io/library/alpine:none", { access: office }));
  const secret = () => house.manifest(`docker.io/corp/app@${image.manifest}`, { access: own });
  await tag();
  expect(await missing()).toBe(404);
  await secret();

  const access = { ...login("CANARY-mallory"), from: attacker.from };
  for (let one = 0; one < 10_000; one += 1) {
    const name = one % 4 === 0 ? `missing:${one}` : `${long}/${one}:${longTag}`;
    await statusOf(house.manifest(`evil.example/${name}`, { access, isHead: true }));
  }

  house.records.get = () => Promise.reject(new Error("what is asked for often is in memory"));
  house.upstream.forget();
  expect(contentOf(await tag()).outcome).toBe("hit");
  expect(await missing()).toBe(404);
  expect(contentOf(await secret()).outcome).toBe("hit");
  expect(house.upstream.log).toEqual([]);
});

it("one address that asks for names all day leaves a day's share of records, and others theirs", async () => {
  house = new House({ newRecordsPerDay: 100 });
  addEvil();
  const tags = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of house.records.list("tag/")) keys.push(key);
    return keys;
  };
  const ask = (name: string, access: Access) => house.manifest(`evil.example/${name}`, { access });
  for (let one = 0; one < 1_000; one += 1) await ask(`app:${one}`, attacker);
  house.later(60_000);
  // What was not written is not written the second time either.
  for (let one = 0; one < 1_000; one += 1) await ask(`app:${one}`, attacker);
  for (let one = 0; one < 20; one += 1) await ask(`office:${one}`, office);
  await house.pulls.flush();
  const left = await tags();
  expect(left.filter((key) => key.includes("/office:")).length).toBe(20);
  expect(left.filter((key) => key.includes("/app:")).length).toBeLessThanOrEqual(100);
  house.later(86_400_000);
  await ask("app:tomorrow", attacker);
  await house.pulls.flush();
  expect(await tags()).toContain("tag/evil.example/app:tomorrow");
  await house.close();
});
