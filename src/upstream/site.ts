/**
 * Whose a host is: the domain that somebody had to pay for, whatever names he makes below it. What is
 * remembered of hosts counts to these, so that a flood of names below one domain pushes out its own.
 */
import { getDomain } from "tldts";
import type { HostPort } from "../protocol/http/host-port.ts";

/** The host itself for an address, or a name without a domain. */
export function siteOf({ host }: Pick<HostPort, "host">): string {
  return getDomain(host) ?? host;
}
