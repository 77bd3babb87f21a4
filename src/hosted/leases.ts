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
  return isRunning ? undefined : { ...link, answeredAt: now };
}

/** The same once a manifest has named it; undefined when that changes nothing. */
export function named<Link extends Leased>(link: Link, now: number): Link | undefined {
  return link.namedAt >= link.answeredAt ? undefined : { ...link, namedAt: now };
}
