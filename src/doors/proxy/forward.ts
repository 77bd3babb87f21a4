/** Plain HTTP that is no registry's: sent on within the destination rules and streamed both ways, unkept. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { endToEnd, parseRawHeaders, printHeaders } from "../../protocol/http/header-list.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { registryAt } from "../../protocol/registry-name.ts";
import type { Transport } from "../../upstream/net/transport.ts";
import type { RegistryResponse } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { ObserveDoor } from "../door-event.ts";
import { askedOf, type Refusal, refusalOf, refuseRequest } from "../refusal.ts";
import type { ForwardCall } from "../server/calls.ts";

/** One HTTP exchange with one origin. */
export type Sender = Pick<Transport, "send">;

export class Forwarder {
  readonly #sender: Sender;
  readonly #observe: ObserveDoor;

  constructor(sender: Sender, observe: ObserveDoor) {
    this.#sender = sender;
    this.#observe = observe;
  }

  /** Answers the request with the origin's answer, or with why there is none. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    call: ForwardCall,
  ): Promise<void> {
    const gone = new AbortController();
    const leave = () => gone.abort();
    response.once("close", leave);
    try {
      const answer = await this.#send(request, call, gone.signal);
      this.#observe({
        kind: "forwarded",
        client: call.client,
        host: formatHostPort(call.address, 80),
        method: request.method ?? "",
        status: answer.status,
      });
      await relay(answer, response);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const refusal = refusalOf(error);
      if (!gone.signal.aborted) this.#tell(request, call, refusal);
      refuseRequest(response, refusal);
    } finally {
      response.off("close", leave);
    }
  }

  #tell(request: IncomingMessage, { client }: ForwardCall, refusal: Refusal): void {
    const { status, sentence: reason } = refusal;
    this.#observe({ kind: "refused", client, asked: askedOf(request), status, reason });
  }

  #send(request: IncomingMessage, call: ForwardCall, signal: AbortSignal) {
    const headers = new Map(endToEnd(parseRawHeaders(request.rawHeaders)));
    for (const name of ["host", "expect"]) headers.delete(name);
    const hasBody =
      request.headers["transfer-encoding"] !== undefined ||
      Number(request.headers["content-length"] ?? 0) > 0;
    return this.#sender.send({
      scheme: "http",
      address: call.address,
      onBehalfOf: registryAt(call.address, "http").name,
      method: request.method ?? "GET",
      target: call.target,
      headers,
      body: hasBody ? request : undefined,
      patience: "open",
      signal,
    });
  }
}

/** The answer's head and body, at the pace of the slower side. */
export async function relay(answer: RegistryResponse, response: ServerResponse): Promise<void> {
  if (response.destroyed) {
    answer.body.destroy();
    return;
  }
  response.sendDate = false;
  response.writeHead(answer.status, printHeaders(endToEnd(answer.headers)));
  response.flushHeaders();
  try {
    await pipeline(answer.body, response);
  } catch {
    // A cut origin is told to the client the only way HTTP has: its connection is cut as well.
    response.destroy();
  }
}
