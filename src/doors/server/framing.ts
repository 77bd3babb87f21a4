/** Requests that must not be read any further: ambiguous framing (RFC 9112 §11.2) and WebSockets. */
import type { IncomingMessage } from "node:http";
import { requestFault } from "../../protocol/http/strict-request.ts";
import type { Refusal } from "../refusal.ts";

/** Why this request is refused whole, or undefined. */
export function framingProblem(request: IncomingMessage): Refusal | undefined {
  const { method = "", url: target = "", httpVersion, rawHeaders } = request;
  const fault = requestFault({ method, target, httpVersion, rawHeaders });
  if (fault !== undefined) return { status: 400, sentence: fault };
  // `Upgrade: h2c` (curl --http2) may be ignored and is; a WebSocket client needs to hear the no.
  if (!request.headers.upgrade?.toLowerCase().includes("websocket")) return undefined;
  return { status: 501, sentence: "this proxy relays no WebSockets; CONNECT may tunnel them" };
}
