/** Months of a proxy's life, in no time: what nobody has asked about goes from the records. */
import { expect, it, onTestFinished } from "vitest";
import { RecordAging } from "../../../src/cache/keeping/record-aging.ts";
import type { RecordStore } from "../../../src/store/record-store.ts";
import { eventually } from "../../support/eventually.ts";
import { TestClock } from "../../support/test-clock.ts";
import { House, manifestAsk, statusOf } from "../support/house.ts";

const day = 86_400_000;

async function keysOf(records: RecordStore): Promise<string[]> {
  const keys: string[] = [];
  for (const prefix of ["tag/", "visibility/"])
    for await (const { key } of records.list(prefix)) keys.push(key);
  return keys.sort();
}

function agingOf(house: House, clock = new TestClock()): RecordAging {
  const { records } = house;
  const how = { kinds: house.pulls.aging(), observe: () => undefined, now: () => house.clock };
  return new RecordAging({ records, clock, life: 90 * day, ...how });
}

it("tags and repositories that nobody asked about for three months go, others stay", async () => {
  const house = new House({ tagRules: [{ tag: "v*", immutable: true }] });
  onTestFinished(() => house.close());
  for (const name of ["used", "forgotten"]) {
    const repository = house.upstream.repository("docker.io", `team/${name}`);
    for (const tag of ["latest", "v1"]) repository.addImage(tag, name);
    await house.manifest(`docker.io/team/${name}:latest`);
  }
  await house.manifest("docker.io/team/forgotten:v1");
  const aging = agingOf(house);
  for (let month = 0; month < 4; month += 1) {
    house.later(30 * day);
    await house.manifest("docker.io/team/used:latest");
    await house.pulls.flush();
    await aging.run();
  }
  expect(await keysOf(house.records)).toEqual([
    "tag/docker.io/team/forgotten:v1",
    "tag/docker.io/team/used:latest",
    "visibility/docker.io/team/used",
  ]);
  // Memory knows no more than the records do: it is asked about anew.
  house.upstream.down("docker.io");
  expect(await statusOf(house.manifest("docker.io/team/forgotten:latest"))).toBe("CONNECT");
});

it("of too many the oldest go, to the hour, and what is believed for good stays", async () => {
  const house = new House({ tagRules: [{ tag: "v*", immutable: true }] });
  onTestFinished(() => house.close());
  const repository = house.upstream.repository("docker.io", "team/app");
  for (const tag of ["v1", "old", "new"]) repository.addImage(tag, tag);
  for (const tag of ["v1", "old", "new"]) {
    await house.manifest(`docker.io/team/app:${tag}`);
    house.later(3_600_000);
  }
  await house.pulls.flush();
  const { records } = house;
  const how = { kinds: house.pulls.aging(), observe: () => undefined, now: () => house.clock };
  await new RecordAging({ records, clock: new TestClock(), life: 90 * day, most: 1, ...how }).run();
  expect((await keysOf(records)).filter((key) => key.startsWith("tag/"))).toEqual([
    "tag/docker.io/team/app:new",
    "tag/docker.io/team/app:v1",
  ]);
});

it("what was deleted somewhere is forgotten with the months, and what is held is not", async () => {
  const house = new House();
  onTestFinished(() => house.close());
  const image = house.upstream.repository("docker.io", "team/app").addImage("1", "app");
  await house.manifest("docker.io/team/app:1");
  const { registry, repository, reference } = manifestAsk(
    `docker.io/evil/app@sha256:${"0".repeat(64)}`,
  );
  await (await house.pulls.writing(registry, repository, [reference]))("taken");
  const held = async () => {
    const keys: string[] = [];
    for await (const { key } of house.records.list("held/")) keys.push(key);
    return keys;
  };
  await house.pulls.flush();
  expect((await held()).length).toBe(2);
  house.later(91 * day);
  await agingOf(house).run();
  expect(await held()).toEqual([`held/${image.manifest}`]);
});

it("looks once a day, and no more once it is closed", async () => {
  const house = new House();
  onTestFinished(() => house.close());
  house.upstream.repository("docker.io", "team/app").addImage("1", "app");
  await house.manifest("docker.io/team/app:1");
  await house.pulls.flush();
  const clock = new TestClock();
  const aging = agingOf(house, clock);
  aging.start();
  house.later(91 * day);
  await eventually(() => expect(clock.waiting).toBe(1));
  clock.pass(day);
  await eventually(async () => expect(await keysOf(house.records)).toEqual([]));
  await eventually(() => expect(clock.waiting).toBe(1));
  await aging.close();
  expect(clock.waiting).toBe(0);
});
