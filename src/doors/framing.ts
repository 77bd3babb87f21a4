/**
 * Requests whose framing two readers could understand differently are refused whole (RFC 9112 §11.2).
 * Node's parser already refuses CL with TE, repeated CL and control characters; this adds the rest.
 */
import type { IncomingMessage } from "node:http";
import { maxHeaderFields } from "./listener.ts";
import type { Refusal } from "./refusal.ts";

const maxTarget = 8_192;
const bodiless: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
]);

/** Why this request must not be read any further, or undefined. */
export function framingProblem(request: IncomingMessage): Refusal | undefined {
  const target = request.url ?? "";
  if (target.length > maxTarget) return { status: 414, sentence: "the request target is too long" };
  if (request.rawHeaders.length > 2 * maxHeaderFields) {
    return { status: 431, sentence: `more than ${maxHeaderFields} header fields` };
  }
  if (countOf(request, "host") > 1) return { status: 400, sentence: "more than one Host field" };
  if (!isVisibleAscii(target)) return { status: 400, sentence: "malformed request target" };
  return bodyProblem(request) ?? upgradeProblem(request);
}

function bodyProblem(request: IncomingMessage): Refusal | undefined {
  const coding = request.headers["transfer-encoding"];
  const length = request.headers["content-length"];
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked") {
      return { status: 501, sentence: "only the chunked transfer coding is understood" };
    }
    if (request.httpVersion !== "1.1") {
      return { status: 400, sentence: "Transfer-Encoding needs HTTP/1.1" };
    }
  }
  const hasBody = coding !== undefined || (length !== undefined && length !== "0");
  if (hasBody && bodiless.has(request.method ?? "")) {
    return { status: 400, sentence: `a ${request.method} request has no body` };
  }
  return undefined;
}

/** `Upgrade: h2c` (curl --http2) may be ignored and is; a WebSocket client needs to hear the no. */
function upgradeProblem(request: IncomingMessage): Refusal | undefined {
  const wanted = request.headers.upgrade?.toLowerCase() ?? "";
  if (!wanted.includes("websocket")) return undefined;
  return { status: 501, sentence: "WebSockets go through CONNECT, not through this proxy's HTTP" };
}

function countOf(request: IncomingMessage, name: string): number {
  let count = 0;
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === name) count += 1;
  }
  return count;
}

function isVisibleAscii(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
