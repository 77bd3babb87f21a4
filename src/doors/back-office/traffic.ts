/** What went through, by registry: the sums that the statistics keep. */

/** What went through for one registry, since the start; statistics keep how it grew each minute. */
export type Traffic = {
  requests: number;
  /** Answered with 5xx, or broken off. */
  errors: number;
  pulls: number;
  cachedPulls: number;
  /** Body bytes to clients, and those of them that needed nothing from upstream. */
  sent: number;
  saved: number;
  /** Body bytes from upstream. */
  fetched: number;
};

export const noTraffic: Readonly<Traffic> = {
  ...{ requests: 0, errors: 0, pulls: 0, cachedPulls: 0, sent: 0, saved: 0, fetched: 0 },
};

export function trafficOf(all: Map<string, Traffic>, registry: string): Traffic {
  const known = all.get(registry);
  if (known !== undefined) return known;
  const traffic = { ...noTraffic };
  all.set(registry, traffic);
  return traffic;
}
