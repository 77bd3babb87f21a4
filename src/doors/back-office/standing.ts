/** What is so now, as gauges. */
import type { Figures } from "./figures.ts";
import type { House } from "./ports.ts";
import type { Family, Sample } from "./series.ts";

type Row = readonly [labels: Readonly<Record<string, string>>, value: number | undefined];

export async function standing(figures: Figures, house: House): Promise<readonly Family[]> {
  return [
    ...upstreams(figures),
    ...traffic(house, await house.connections()),
    ...(await cache(figures, house)),
    ...background(figures, house),
  ];
}

function upstreams({ upstream }: Figures): readonly Family[] {
  const registries = upstream.registries();
  const budgets = upstream.budgets();
  const labelled = ({ registry, login }: { registry: string; login: string }) => ({
    registry,
    login,
  });
  return [
    gauge(
      "upstream_up",
      "Whether the registry answered when it was asked last.",
      registries.map((one) => [{ registry: one.registry }, Number(one.isUp)]),
    ),
    gauge(
      "upstream_last_success_timestamp_seconds",
      "When the registry last answered.",
      registries.map((one) => [{ registry: one.registry }, seconds(one.answeredAt)]),
    ),
    gauge(
      "rate_limit_pulls",
      "Pulls that the registry allows in its window.",
      budgets.map((one) => [labelled(one), one.limit]),
    ),
    gauge(
      "rate_limit_remaining_pulls",
      "Pulls that are left of them.",
      budgets.map((one) => [labelled(one), one.remaining]),
    ),
    gauge(
      "rate_limit_until_timestamp_seconds",
      "Until when the registry is not asked, for it said 429.",
      upstream.pauses().map((one) => [labelled(one), seconds(one.until)]),
    ),
    gauge(
      "login_up",
      "Whether a configured login is accepted.",
      upstream.logins().map((one) => [{ registry: one.registry }, Number(one.isUp)]),
    ),
  ];
}

function traffic(house: House, connections: Readonly<Record<string, number>>): readonly Family[] {
  const downloads = house.downloads();
  const readers = downloads.reduce((sum, one) => sum + one.readers, 0);
  return [
    gauge("downloads_in_flight", "Downloads under way.", [[{}, downloads.length]]),
    gauge("download_readers", "Clients reading from them.", [[{}, readers]]),
    gauge("requests_in_flight", "Requests being answered.", byDoor(house.requestsInFlight())),
    gauge("connections", "Open client connections.", byDoor(connections)),
  ];
}

function byDoor(counts: Readonly<Record<string, number>>): readonly Row[] {
  return Object.entries(counts).map(([door, count]) => [{ door }, count]);
}

async function cache({ house: seen }: Figures, house: House): Promise<readonly Family[]> {
  const kept = house.kept();
  const disk = await house.disk();
  const age = seen.lastEvictedAge;
  return [
    gauge("cache_bytes", "Bytes kept.", [[{}, kept.bytes]]),
    gauge("cache_limit_bytes", "Bytes that may be kept.", [[{}, kept.limit]]),
    gauge("cache_blobs", "Blobs kept.", [[{}, kept.blobs]]),
    gauge(
      "held_bytes",
      "Bytes that may not be forgotten, by what holds them.",
      Object.entries(kept.held).map(([by, bytes]) => [{ by }, bytes]),
    ),
    gauge("disk_free_bytes", "Free bytes of the volume.", [[{}, disk?.free]]),
    gauge("disk_min_free_bytes", "Bytes of it that have to stay free.", [[{}, disk?.mustStayFree]]),
    gauge("store_writable", "Whether the disk takes what it is given.", [
      [{}, Number(kept.isWritable)],
    ]),
    gauge(
      "last_evicted_age_seconds",
      "For how long the blob that was forgotten last had not been used.",
      [[{}, seconds(age)]],
    ),
  ];
}

function background({ house: seen }: Figures, house: House): readonly Family[] {
  const certificates = new Map([...house.certificates(), ...seen.certificates]);
  const { build } = house;
  return [
    gauge(
      "job_last_success_timestamp_seconds",
      "When what works in the background last went well.",
      Array.from(seen.jobTimes, ([job, at]) => [{ job }, seconds(at)]),
    ),
    gauge(
      "certificate_expiry_timestamp_seconds",
      "When a certificate ends.",
      Array.from(certificates, ([name, until]) => [{ name }, seconds(until)]),
    ),
    gauge(
      "config_last_reload_successful",
      "Whether the settings could be used when they were read last.",
      [[{}, Number(house.isReloaded())]],
    ),
    gauge("build_info", "What runs here.", [[{ ...build }, 1]]),
  ];
}

/** What nobody knows is left out. */
function gauge(name: string, help: string, rows: readonly Row[]): Family {
  const samples = rows.flatMap(([labels, value]): Sample[] =>
    value === undefined ? [] : [{ labels, value }],
  );
  return { name, help, type: "gauge", samples: () => samples };
}

function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1_000;
}
