/**
 * WebSockets of an intercepted host's web site: `Upgrade: websocket` on a GET outside the registry API
 * goes to the very host that CONNECT named, and after a real 101 its bytes are passed both ways. Any
 * other Upgrade is left to the server, which answers in HTTP/1.1.
 */
import { createHash } from "node:crypto";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  endToEnd,
  type HeaderList,
  headerValue,
  parseRawHeaders,
  printHeaders,
} from "../../protocol/http/header-list.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { ownTokenIn } from "../../protocol/own-token.ts";
import { siteAt } from "../../protocol/registry-name.ts";
import { parseRoute } from "../../protocol/route.ts";
import { readingsOf } from "../../protocol/route-readings.ts";
import type { Answered } from "../../upstream/net/one-answer.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { ObserveDoor } from "../door-event.ts";
import { askedOf, type Refusal, refusalOf, refuseConnect } from "../refusal.ts";
import type { Admission } from "../server/admission.ts";
import type { Inside, Insides } from "../server/calls.ts";
import type { OpenSockets } from "../server/listener.ts";
import { framingProblem, isWebSocket, mismatch } from "../server/request-head.ts";
import type { RequestQueues } from "../server/request-queues.ts";
import { relay, type Sender } from "./forward.ts";
import type { Upgrades } from "./front-door.ts";
import { joinSockets } from "./tunnel.ts";

export type WebSocketsOptions = {
  readonly sender: Sender;
  readonly admission: Pick<Admission, "occupy">;
  readonly interceptor: Insides;
  readonly queues: Pick<RequestQueues, "isBusy">;
  readonly open: OpenSockets;
  readonly observe: ObserveDoor;
  /** Milliseconds without a byte either way. */
  readonly idle?: number;
};

type Call = { readonly request: IncomingMessage; readonly socket: Socket; readonly inside: Inside };

/** RFC 6455 §1.3: whoever answers this has understood, and did not only pass a 101 on. */
const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class WebSockets implements Upgrades {
  readonly #options: WebSocketsOptions;

  constructor(options: WebSocketsOptions) {
    this.#options = options;
  }

  /** Whether this request's connection is to be handed to `handle`. */
  isWanted(request: IncomingMessage): boolean {
    const { interceptor, queues } = this.#options;
    const inside = interceptor.insideOf(request.socket);
    if (inside?.registry === undefined || !isWebSocket(request)) return false;
    if (request.method !== "GET" || queues.isBusy(request.socket)) return false;
    if (framingProblem(request) !== undefined || mismatch(request, inside) !== undefined) {
      return false;
    }
    const { path } = splitTarget(request.url ?? "");
    return parseRoute("GET", path).kind === "outside" && readingsOf(path).length === 0;
  }

  /** Never rejects; whatever comes of it, the connection is this one's and ends with it. */
  async handle(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const inside = this.#options.interceptor.insideOf(socket);
    if (inside === undefined) return void socket.destroy();
    this.#options.admission.occupy(socket);
    this.#options.open.add(socket);
    socket.on("error", () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    const call = { request, socket, inside };
    try {
      await this.#answer(call, await this.#ask(call));
    } catch (error) {
      if (!(error instanceof UpstreamError)) {
        socket.destroy();
        this.#options.observe({ kind: "handlerFailed", client: inside.client, cause: error });
      } else if (!socket.destroyed) this.#refuse(call, refusalOf(error));
    }
  }

  async #ask({ request, socket, inside }: Call): Promise<Answered> {
    const { address, client, isTls } = inside;
    const scheme = isTls ? "https" : "http";
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    socket.once("close", leave);
    try {
      return await this.#options.sender.send({
        ...{ scheme, address, client, signal: gone.signal },
        onBehalfOf: siteAt(address, scheme).name,
        method: "GET",
        target: request.url ?? "/",
        headers: fieldsOf(request),
        patience: "open",
        upgrade: "websocket",
      });
    } finally {
      socket.off("close", leave);
    }
  }

  async #answer(call: Call, answer: Answered): Promise<void> {
    const { request, socket, inside } = call;
    const { open, observe, idle = 15 * 60_000 } = this.#options;
    const { status, headers, switched } = answer;
    const host = formatHostPort(inside.address, 443);
    if (switched !== undefined && !isAccepted(request, headers)) {
      switched.destroy();
      return this.#refuse(call, {
        status: 502,
        sentence: `${host} answers no WebSocket handshake`,
      });
    }
    observe({ kind: "forwarded", client: inside.client, host, method: "GET", status });
    if (switched === undefined) return relay(answer, responseOn(request, socket));
    socket.write(printHead(headers));
    await joinSockets(socket, switched, open, idle);
  }

  #refuse({ request, socket, inside: { client } }: Call, refusal: Refusal): void {
    const { status, sentence: reason } = refusal;
    this.#options.observe({ kind: "refused", client, asked: askedOf(request), status, reason });
    refuseConnect(socket, refusal);
  }
}

/** As they came, but for what is between two neighbours, and tokens that only we understand. */
function fieldsOf(request: IncomingMessage): HeaderList {
  const fields = new Map(endToEnd(parseRawHeaders(request.rawHeaders)));
  fields.delete("host");
  if (ownTokenIn(request.headers.authorization) !== undefined) fields.delete("authorization");
  return fields;
}

function isAccepted(request: IncomingMessage, headers: HeaderList): boolean {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(`${key}${magic}`).digest("base64");
  return headerValue(headers, "sec-websocket-accept") === accept;
}

function printHead(headers: HeaderList): Buffer {
  const fields = printHeaders(headers);
  let text = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  for (let index = 0; index < fields.length; index += 2) {
    text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** An ordinary answer on a connection that the server has given away; it is the last one there. */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.destroySoon());
  return response;
}
