/**
 * The one call in which every door ends: takes a request that is meant for a registry, and that the
 * door has found sound (doors/server/request-head.ts), answers it and tells about it. Which
 * handlers answer it depends on where the registry is: elsewhere, or here.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Decision } from "../cache/why.ts";
import { parseRawHeaders } from "../protocol/http/header-list.ts";
import { splitTarget } from "../protocol/http/target.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import { parseRoute, printRoute } from "../protocol/route.ts";
import type { Span, Tracing } from "../runtime/tracing.ts";
import { Answers } from "./answer/answer.ts";
import { ClientGone } from "./answer/client-gone.ts";
import type { UnusedLoginAt } from "./answer/passed-body.ts";
import type { KeptAnswer, SmallAnswers } from "./answer/small-answers.ts";
import type { Ask, Door } from "./ask.ts";
import type { Exchange, FindHandler, Handler } from "./exchange.ts";
import { passRefusal } from "./failure.ts";
import {
  type ObserveRegistry,
  type RegistryEvent,
  repeatAnswered,
  requestAnswered,
} from "./registry-event.ts";
import { requestEnd, requestStart } from "./request-span.ts";

export type EngineParts = {
  /** For registries that are elsewhere, whatever door the request came in by. */
  readonly upstream: FindHandler;
  /** For the registry whose content is pushed here; nobody asks it where there is none. */
  readonly hosted?: FindHandler | undefined;
  readonly observe: ObserveRegistry;
  /** A login of the operator's for this registry that goes nowhere. */
  readonly unusedLogin?: UnusedLoginAt;
  /** Answers that may be given again; undefined where each is decided anew. */
  readonly reuse?: SmallAnswers | undefined;
  readonly timing?: EngineTiming;
  readonly tracing?: Tracing | undefined;
};

/** In milliseconds; tests shorten them. */
export type EngineTiming = {
  readonly now: () => number;
  /** How long one piece may take to leave for a client that reads slowly. */
  readonly sendIdle: number;
};

type Call = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ask: Ask;
  readonly span: Span | undefined;
};

const usualTiming: EngineTiming = { now: () => performance.now(), sendIdle: 60_000 };

export class RegistryEngine {
  /** Requests being answered, by the door they came in by. */
  readonly underway: Record<Door, number> = { proxy: 0, mirror: 0, hosted: 0 };
  readonly #parts: EngineParts;
  readonly #timing: EngineTiming;
  readonly #answers: Answers;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#timing = parts.timing ?? usualTiming;
    this.#answers = new Answers({ ...this.#timing, unusedLogin: parts.unusedLogin });
  }

  /** Told of each connection, and of a crowd's requests: the bodies being sent leave those who come room. */
  makeWay(): void {
    this.#answers.makeWay();
  }

  /** Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse, ask: Ask): Promise<void> {
    const span = this.#parts.tracing?.begin(requestStart(request, ask));
    const call = { request, response, ask, span };
    return span === undefined ? this.#handle(call) : span.within(() => this.#handle(call));
  }

  async #handle({ request, response, ask, span }: Call): Promise<void> {
    const { reuse } = this.#parts;
    const started = this.#timing.now();
    this.underway[ask.door] += 1;
    const place = reuse?.placeOf(request, ask);
    const again = place && reuse?.find(place);
    if (again !== undefined && !response.destroyed) {
      this.#repeat({ response, ask, span }, { again, started });
      return;
    }
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
      this.underway[ask.door] -= 1;
      response.off("close", onClose);
      if (exchange.tally.end !== "complete") onClose();
      const event = requestAnswered(exchange, { started, ended: this.#timing.now() });
      const { given, loginUntil = Number.POSITIVE_INFINITY, end } = exchange.tally;
      if (place !== undefined && given !== undefined && end === "complete")
        reuse?.keep(place, given, { event, loginUntil });
      this.#tell(event, span);
    }
  }

  #tell(event: RegistryEvent, span: Span | undefined): void {
    this.#parts.observe(event);
    span?.end(requestEnd(event));
  }

  #repeat(
    { response, ask, span }: Omit<Call, "request">,
    { again, started }: { readonly again: KeptAnswer; readonly started: number },
  ): void {
    const fields = this.#parts.reuse?.fieldsOf(again) ?? again.fields;
    again.reuse.again();
    this.#answers.repeat(response, { fields, body: again.body }, (end) => {
      this.underway[ask.door] -= 1;
      const times = { started, ended: this.#timing.now() };
      this.#tell(repeatAnswered(again.event, ask, { ...end, ...times }), span);
    });
  }

  #handlerOf(exchange: Exchange): Handler {
    const { upstream, hosted } = this.#parts;
    if (exchange.ask.door !== "hosted") return upstream(exchange);
    if (hosted === undefined) throw new RegistryError("UNSUPPORTED", "nothing is hosted here");
    return hosted(exchange);
  }
}

function beginExchange(
  request: IncomingMessage,
  response: ServerResponse,
  ask: Ask,
  signal: AbortSignal,
): Exchange {
  const method = request.method ?? "";
  const { path } = splitTarget(ask.target);
  const route = parseRoute(method, path);
  const target = `${printRoute(route) ?? ""}${ask.target.slice(path.length)}`;
  return {
    request,
    response,
    // What was judged is what is sent.
    ask: { ...ask, target },
    method,
    headers: parseRawHeaders(request.rawHeaders),
    route,
    signal,
    tally: {
      status: 0,
      isToken: false,
      isShared: false,
      sent: 0,
      received: 0,
      outcome: undefined,
      decision: new Decision(),
      source: undefined,
      digest: undefined,
      mediaType: undefined,
      begunAt: undefined,
      end: "complete",
      error: undefined,
      loginUntil: undefined,
      given: undefined,
    },
  };
}
