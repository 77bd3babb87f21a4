/**
 * What a CA limits itself to (RFC 5280 §4.2.1.10), read back from its certificate, so that a host it
 * cannot vouch for is told before a client finds out.
 */
import { readExtension } from "./certificate.ts";
import { contentOf, isTagged, parts } from "./der.ts";
import { nameConstraintsId } from "./extensions.ts";

/** The domains that the certificate, in DER, is good for; undefined when it is good for any. */
export function permittedDomains(der: Buffer): readonly string[] | undefined {
  const constraints = readExtension(der, nameConstraintsId);
  if (constraints === undefined) return undefined;
  const permitted = parts(parts(constraints).find((one) => isTagged(one, 0)));
  const names = permitted.flatMap((subtree) => parts(subtree).slice(0, 1));
  const domains = names.filter((name) => isTagged(name, 2));
  return domains.map((name) => contentOf(name).toString("latin1").toLowerCase());
}

/** A domain is good for itself and for everything below it. */
export function isPermitted(host: string, domains: readonly string[] | undefined): boolean {
  if (domains === undefined) return true;
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}
