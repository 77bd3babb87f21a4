/**
 * How a door says no: the sentence goes into the reason phrase of a refused CONNECT, since Go clients
 * print nothing else, and into a registry error body everywhere.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { inertAnswerFields } from "../protocol/http/own-answer-fields.ts";
import { reasonPhrase } from "../protocol/http/reason-phrase.ts";
import { splitTarget } from "../protocol/http/target.ts";
import { codeOfStatus, errorBody } from "../protocol/registry-error.ts";
import { statusOfUpstreamError, type UpstreamError } from "../upstream/upstream-error.ts";
import type { RefusedBy } from "./door-event.ts";

export type Refusal = {
  readonly status: number;
  readonly sentence: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Left out: it breaks a rule, as most do. */
  readonly why?: RefusedBy;
};

export function refusalOf(error: UpstreamError): Refusal {
  const { code, message: sentence } = error.told;
  return { status: statusOfUpstreamError[code], sentence };
}

export function notAllowed(client: string): Refusal {
  return {
    status: 403,
    why: "client",
    sentence: `${client} may not use this proxy; add it to ALLOW_CLIENTS on the proxy`,
  };
}

export const loginNeeded: Refusal = {
  status: 407,
  why: "login",
  sentence: "this proxy asks for a login: put user:password@ into the proxy's URL",
  headers: { "Proxy-Authenticate": 'Basic realm="entrepot", charset="UTF-8"' },
};

/** `fault`: a code of OpenSSL's, or `NONE`. */
export function uncertified(fault: string): Refusal {
  const sentences: Readonly<Record<string, string>> = {
    NONE: "this port takes clients that show a certificate, and none was shown; docker has them as client.cert and client.key in /etc/docker/certs.d/HOST",
    CERT_HAS_EXPIRED: "the client certificate has expired; ask for a new one",
  };
  const sentence =
    sentences[fault] ??
    `the client certificate is not one that TLS_CLIENT_CA on the proxy stands for (${fault})`;
  return { status: 403, why: "client", sentence };
}

export const certificateNeeded: Refusal = {
  status: 403,
  why: "client",
  sentence: "mirrors answer on TLS_PORT alone here, to clients that show a certificate",
};

export const headTooLong: Refusal = {
  status: 431,
  why: "limit",
  sentence:
    "the header fields of this request are longer than 16 KiB in all; the longest is most often Authorization",
};

/** Answers the request, unless an answer has begun: then the connection is cut. */
export function refuseRequest(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(bodyOf(refusal));
  response.writeHead(refusal.status, {
    ...refusal.headers,
    "Content-Type": "application/json",
    "Content-Length": body.length,
    ...inertAnswerFields,
    // What is left of the request is not read, so the connection cannot carry another one.
    ...(refusal.status === 404 ? {} : { Connection: "close" }),
  });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** Answers a CONNECT and closes. Bytes the client still sends are read away, else a reset could overtake the answer. */
export function refuseConnect(socket: Duplex, refusal: Refusal): void {
  if (socket.destroyed) return;
  const body = bodyOf(refusal);
  const fields = {
    ...refusal.headers,
    ...inertAnswerFields,
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${refusal.status} ${reasonPhrase(refusal.sentence)}\r\n${lines.join("")}\r\n`;
  const timer = setTimeout(() => socket.destroy(), 2_000).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.end(head + body);
  socket.resume();
}

/** What was asked for, for the log: without query or user information, which may be secrets. */
export function askedOf({ method, url = "" }: IncomingMessage): string {
  const { path } = splitTarget(url);
  return reasonPhrase(`${method} ${path.replace(/^([a-z]+:\/\/)?[^/]*@/i, "$1")}`);
}

function bodyOf(refusal: Refusal): string {
  const { status, sentence: message } = refusal;
  return errorBody({ code: codeOfStatus(status), message, detail: undefined });
}
