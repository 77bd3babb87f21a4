/** What a registry's status says, to whoever has something else to go by: decided here and nowhere else. */

/** Only the registry knows who may; it said no. */
export function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** It lies where its Location says; the other 3xx are answers. */
export function isRedirect(status: number): boolean {
  return redirects.has(status);
}

/** The request was not worked on (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4): a later one may be. */
const laterOnes: ReadonlySet<number> = new Set([408, 425, 429]);

/** It cannot say now. A 501 to a HEAD is for good, and about the method: GET may do. */
export function isUnavailable(status: number, method = "GET"): boolean {
  if (status === 501 && method === "HEAD") return false;
  return laterOnes.has(status) || status >= 500;
}
