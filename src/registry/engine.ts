/**
 * The one call in which every door ends: takes a request that is meant for a registry, and that the
 * door has found sound (protocol/http/strict-request.ts), answers it and tells about it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseRawHeaders } from "../protocol/http/header-list.ts";
import { parseRoute } from "../protocol/route.ts";
import { Answers } from "./answer/answer.ts";
import { ClientGone } from "./answer/client-gone.ts";
import type { Ask } from "./ask.ts";
import type { EngineParts, EngineTiming } from "./engine-parts.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { passRefusal } from "./failure.ts";
import { outsideAccess } from "./login/request-access.ts";
import { passThrough } from "./pass-through.ts";
import { pullBlob } from "./pull/blob.ts";
import { pullList } from "./pull/list.ts";
import { pullManifest } from "./pull/manifest.ts";
import { pushManifest } from "./push/manifest.ts";
import { pushUpload } from "./push/upload.ts";
import { requestAnswered } from "./registry-event.ts";
import { findHandler, type Handlers } from "./router.ts";
import { policed } from "./rules/policed.ts";

const usualTiming: EngineTiming = {
  now: () => performance.now(),
  sendIdle: 60_000,
  bodyIdle: 60_000,
};

export class RegistryEngine {
  readonly #parts: EngineParts;
  readonly #timing: EngineTiming;
  readonly #answers: Answers;
  readonly #handlers: Handlers;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#timing = parts.timing ?? usualTiming;
    this.#answers = new Answers({ sendIdle: this.#timing.sendIdle });
    const handlers = handlersOf(parts, this.#timing.bodyIdle);
    this.#handlers = parts.rules === undefined ? handlers : policed(handlers, parts.rules);
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse, ask: Ask): Promise<void> {
    const started = this.#timing.now();
    const leaving = new AbortController();
    const onClose = () => {
      if (!response.writableFinished) leaving.abort(new ClientGone("LEFT"));
    };
    response.once("close", onClose);
    if (response.destroyed) onClose();
    const exchange = beginExchange(request, response, ask, leaving.signal);
    try {
      const handler = this.#handlerOf(exchange);
      await this.#answers.write(exchange, await handler(exchange).catch(passRefusal));
    } catch (error) {
      await this.#answers.fail(exchange, error);
    } finally {
      response.off("close", onClose);
      if (exchange.tally.end !== "complete") onClose();
      this.#parts.observe(requestAnswered(exchange, this.#timing.now() - started));
    }
  }

  #handlerOf({ ask, method, route, tally }: Exchange): Handler {
    const mayBeToken = route.kind === "outside" || route.kind === "other";
    const { tokens, isPushAllowed } = this.#parts;
    if (mayBeToken && tokens.isTokenRequest(ask, method)) {
      tally.isToken = true;
      return (exchange) => tokens.answer(exchange);
    }
    return findHandler(route, method, this.#handlers, isPushAllowed);
  }
}

function beginExchange(
  request: IncomingMessage,
  response: ServerResponse,
  ask: Ask,
  signal: AbortSignal,
): Exchange {
  const method = request.method ?? "";
  const [path = ""] = ask.target.split("?", 1);
  return {
    request,
    response,
    ask,
    method,
    headers: parseRawHeaders(request.rawHeaders),
    route: parseRoute(method, path),
    signal,
    tally: {
      status: 0,
      isToken: false,
      sent: 0,
      received: 0,
      outcome: undefined,
      end: "complete",
      error: undefined,
    },
  };
}

function handlersOf(parts: EngineParts, bodyIdle: number): Handlers {
  const { accessOf, client } = parts;
  return {
    ping: (exchange) => parts.ping.answer(exchange),
    pullBlob: (exchange) => pullBlob(exchange, parts),
    pullManifest: (exchange) => pullManifest(exchange, parts),
    pullList: (exchange) => pullList(exchange, parts, bodyIdle),
    pushUpload: (exchange) => pushUpload(exchange, parts, bodyIdle),
    pushManifest: (exchange) => pushManifest(exchange, parts, bodyIdle),
    passOutside: async (exchange) =>
      passThrough(exchange, await outsideAccess(exchange, accessOf), client, bodyIdle),
  };
}
