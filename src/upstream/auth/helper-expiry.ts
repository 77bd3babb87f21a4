/**
 * When a credential helper's answer expires, where it says so: in a field of its answer, or in the
 * secret itself, as Amazon's ECR tokens and JSON Web Tokens do.
 */

const fieldGrammar = /^(?:expir(?:es|y|ation)|(?:expires|expiry|expiration)?_?at)$/i;
/** Where seconds end and milliseconds begin: seconds reach it in the year 5138. */
const firstMilliseconds = 1e11;

/** Milliseconds since 1970; undefined when nothing is said. */
export function expiryOf(
  fields: Readonly<Record<string, unknown>>,
  secret: string,
): number | undefined {
  const said = Object.entries(fields).find(([name]) => fieldGrammar.test(name))?.[1];
  return readTime(said) ?? readTime(claimed(secret));
}

/** A time of day, or seconds or milliseconds since 1970. */
function readTime(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{9,15}$/.test(value) ? Number(value) : value;
  if (typeof number === "number") {
    if (!(number > 0)) return undefined;
    return number < firstMilliseconds ? number * 1_000 : number;
  }
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** ECR: base64 of JSON with `expiration`. JWT (RFC 7519 §4.1.4): `exp` in the middle of three parts. */
function claimed(secret: string): unknown {
  const [head = "", claims, ...rest] = secret.split(".");
  const isJwt = claims !== undefined && rest.length === 1;
  const fields = readObject(Buffer.from(isJwt ? claims : head, "base64url").toString("utf8"));
  return isJwt ? fields?.exp : fields?.expiration;
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
