/**
 * Reads what a token service answers, believing as little as possible: small, plain JSON, a token
 * that can stand in a header and nothing else.
 */
import type { HostPort } from "../../protocol/http/host-port.ts";
import { decoded, encodingOf } from "../content-encoding.ts";
import type { RegistryResponse } from "../registry-client.ts";
import { UpstreamError } from "../upstream-error.ts";

export type TokenReply = {
  readonly token: string;
  /** Seconds from when it was asked for. */
  readonly expiresIn: number;
};

type Refused = {
  readonly status: number;
  readonly contentType?: string | undefined;
  readonly body: Buffer;
  readonly ledAwayTo?: HostPort;
};

/** The token service said no: a 4xx, with its own words for whoever asked. */
export class TokenRefusal extends Error {
  readonly code = "REFUSED";
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
  /** The service sends on to there, and the login stays behind: it was not refused, nobody saw it. */
  readonly ledAwayTo: HostPort | undefined;

  constructor(host: string, answer: Refused) {
    super(`the token service ${host} answered ${answer.status}`);
    this.name = "TokenRefusal";
    this.status = answer.status;
    this.contentType = answer.contentType;
    this.body = answer.body;
    this.ledAwayTo = answer.ledAwayTo;
  }
}

const maxReply = 262_144;
const maxDepth = 16;
const tokenGrammar = /^[\x21-\x7e]{1,16384}$/;
/** What the spec says when nothing is said, and the least it allows (distribution, auth/token.md). */
const usualExpiry = 60;
const longestExpiry = 86_400;

/** Reads the whole body; throws UpstreamError TOO_LARGE past 256 KiB, PROTOCOL when it cannot be decoded. */
export async function readReply(host: string, response: RegistryResponse): Promise<Buffer> {
  try {
    const encoding = encodingOf(response.headers);
    const content = encoding === undefined ? response.body : decoded(response.body, encoding, host);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of content) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > maxReply) {
        throw new UpstreamError("TOO_LARGE", host, `${host} answers with more than 256 KiB`);
      }
      chunks.push(bytes);
    }
    return Buffer.concat(chunks);
  } finally {
    response.body.destroy();
  }
}

/** Throws UpstreamError PROTOCOL when there is no usable token in it. */
export function parseReply(host: string, body: Buffer): TokenReply {
  const fields = parseFields(body);
  const token = [fields?.token, fields?.access_token].find(
    (one) => one !== undefined && one !== "",
  );
  if (typeof token !== "string" || !tokenGrammar.test(token)) {
    throw new UpstreamError("PROTOCOL", host, `${host} answers without a usable token`);
  }
  const seconds = Number(fields?.expires_in);
  const isUsual = !Number.isFinite(seconds) || seconds <= 0;
  return { token, expiresIn: isUsual ? usualExpiry : Math.min(seconds, longestExpiry) };
}

function parseFields(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  if (isDeep(body)) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Counts brackets, in strings too: no honest reply comes near. */
function isDeep(body: Buffer): boolean {
  let depth = 0;
  for (const byte of body) {
    if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}
