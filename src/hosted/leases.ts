/**
 * An existence answer is a lease: whoever was told that something is here, and may push, has time to
 * name it in a manifest. It ends a minute after a manifest named it, at the latest after HOSTED_LEASE.
 */

/** Milliseconds since 1970; 0 is never. */
export type Leased = {
  /** When it came here. */
  readonly linkedAt: number;
  /** When somebody who may push was last told of it. */
  readonly answeredAt: number;
  /** When a manifest of its repository last named it. */
  readonly namedAt: number;
};

/**
 * Answers within so great a part of the lease are written down once: looking costs no sync then, and
 * whoever collects garbage adds that part to the lease.
 */
const slack = 0.25;
/** What a manifest has named is safe by that; the rest is for whoever else was told of it just then. */
const afterNaming = 60_000;

/** Beginning now. */
export function newLease(now: number): Leased {
  return { linkedAt: now, answeredAt: now, namedAt: 0 };
}

/** What must be written down before it is answered that this is here; undefined when that is there. */
export function renewed<Link extends Leased>(
  link: Link,
  now: number,
  lease: number,
): Link | undefined {
  const isRunning = link.answeredAt > link.namedAt && now - link.answeredAt < lease * slack;
  // Later than the naming in any case, also within one millisecond: only so is it a lease anew.
  return isRunning ? undefined : { ...link, answeredAt: Math.max(now, link.namedAt + 1) };
}

/** Until then nobody takes it away. */
export function leasedUntil({ answeredAt, namedAt }: Leased, lease: number): number {
  const end = answeredAt + lease * (1 + slack);
  return namedAt < answeredAt ? end : Math.min(end, namedAt + afterNaming);
}

/** Whether so long a work could outlast leases that were given at its beginning. */
export function isLong(milliseconds: number, lease: number): boolean {
  return milliseconds >= lease * slack;
}

/** The same once a manifest has named it; undefined when that changes nothing. */
export function named<Link extends Leased>(link: Link, now: number): Link | undefined {
  return link.namedAt >= link.answeredAt ? undefined : { ...link, namedAt: now };
}
