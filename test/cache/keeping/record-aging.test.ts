/** Months of a proxy's life, in no time: what nobody has asked about goes from the records. */
import { expect, it, onTestFinished } from "vitest";
import { RecordAging } from "../../../src/cache/keeping/record-aging.ts";
import type { RecordStore } from "../../../src/store/record-store.ts";
import { eventually } from "../../support/eventually.ts";
import { TestClock } from "../../support/test-clock.ts";
import { House, statusOf } from "../support/house.ts";

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
