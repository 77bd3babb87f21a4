/**
 * The one writer of answers: status, fields, ranges, bodies and errors. How names look to the
 * client is applied here and nowhere else.
 */
import type { ServerResponse } from "node:http";
import { bodySourceOf, type Content, type Passed } from "../../cache/content.ts";
import type { ByteSource } from "../../download/byte-source.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { reasonPhrase } from "../../protocol/http/reason-phrase.ts";
import { errorBody } from "../../protocol/registry-error.ts";
import { HeldBytes } from "../../runtime/held-bytes.ts";
import type { Exchange, GivenAnswer, Reply, Tally } from "../exchange.ts";
import { toRegistryError } from "../failure.ts";
import {
  contentFields,
  elsewhereFields,
  errorFields,
  inertType,
  ownFields,
  passedFields,
} from "./answer-fields.ts";
import { BodyTurns } from "./body-turns.ts";
import { BodyWriter, cut, type Leaving, SendWatch, sendParts, writePieces } from "./body-writer.ts";
import { ClientGone } from "./client-gone.ts";
import { isPart, type Layout, layOut, planContent } from "./content-plan.ts";
import { presentable, type UnusedLoginAt } from "./passed-body.ts";
import { ReaderBuffers } from "./reader-buffers.ts";

export type AnswerOptions = {
  /** Milliseconds that one piece may take to leave for a client that reads slowly. */
  readonly sendIdle: number;
  readonly now: () => number;
  readonly unusedLogin?: UnusedLoginAt | undefined;
};

/** So long heads wait for first bytes: what fails before can be said. One that passes is worth something alone. */
const headDelays = { content: 5_000, passed: 200 };

/** Up to this much of a body nobody wants is read and forgotten to save the connection. */
const worthDraining = 1024 * 1024;

type Repeated = Pick<GivenAnswer, "fields" | "body">;

/** How it went with an answer that was given again. */
export type RepeatEnd = {
  readonly isWhole: boolean;
  /** The client has stopped reading it. */
  readonly isLate: boolean;
  readonly begunAt: number | undefined;
};

type Head = {
  readonly status: number;
  readonly fields: string[];
  /** Milliseconds for which the body may keep it waiting. */
  readonly headDelay: number | undefined;
};

export class Answers {
  readonly #buffers = new ReaderBuffers();
  readonly #turn = new LoopTurn();
  readonly #bodies = new BodyTurns();
  /** Bodies that lie in memory until their clients have taken them: who reads slowly keeps no other's back. */
  readonly #inMemory = new HeldBytes(64 * 1024 * 1024);
  readonly #watch: SendWatch;
  readonly #now: () => number;
  readonly #unusedLogin: UnusedLoginAt;

  constructor({ sendIdle, now, unusedLogin = () => undefined }: AnswerOptions) {
    this.#watch = new SendWatch(sendIdle);
    this.#now = now;
    this.#unusedLogin = unusedLogin;
  }

  /** Somebody came: large bodies leave him room for a moment. */
  makeWay(): void {
    this.#bodies.makeWay();
  }

  /** Writes the reply; rejects when it could not be written to its end. Closes what the reply holds. */
  async write(exchange: Exchange, reply: Reply): Promise<void> {
    switch (reply.kind) {
      case "content":
        Object.assign(exchange.tally, given(exchange, reply));
        return this.#content(exchange, reply).finally(() => reply.source.close());
      case "passed":
        exchange.tally.outcome = reply.outcome;
        exchange.tally.source = bodySourceOf(reply);
        exchange.tally.mediaType = headerValue(reply.response.headers, "content-type");
        return this.#passed(exchange, reply).finally(() => reply.response.body.destroy());
      case "elsewhere":
        Object.assign(exchange.tally, { outcome: reply.outcome, digest: reply.digest });
        return this.#small(exchange, 307, elsewhereFields(exchange, reply), Buffer.alloc(0));
      case "own":
        return this.#small(exchange, reply.status, ownFields(exchange, reply), reply.body);
    }
  }

  /** Gives an answer once more; `onEnd` hears how that went. */
  repeat(
    response: ServerResponse,
    { fields, body }: Repeated,
    onEnd: (end: RepeatEnd) => void,
  ): void {
    let begunAt: number | undefined;
    let leaving: Leaving | undefined;
    response.once("close", () => {
      const isLate = leaving !== undefined && !this.#watch.end(leaving);
      onEnd({ isWhole: response.writableFinished, isLate, begunAt });
    });
    const write = (): void => {
      if (response.destroyed) return;
      if (body !== undefined) begunAt = this.#now();
      leaving = this.#watch.begin(() => cut(response));
      response.writeHead(200, fields).end(body);
    };
    if (body === undefined) write();
    else void this.#turn.end().then(write);
  }

  /** Answers an error, or breaks off when an answer is already on its way. Never rejects. */
  async fail(exchange: Exchange, failure: unknown): Promise<void> {
    const { response, signal, tally } = exchange;
    tally.error = failure;
    const hasLeft = failure instanceof ClientGone ? failure.code === "LEFT" : signal.aborted;
    if (hasLeft || response.headersSent || response.destroyed) {
      tally.end = hasLeft ? "left" : "cut";
      return cut(response);
    }
    const error = toRegistryError(failure);
    response.statusMessage = reasonPhrase(error.message);
    const fields = ["Content-Type", "application/json", ...errorFields(exchange, error)];
    const body = Buffer.from(errorBody(error));
    await this.#small(exchange, error.status, fields, body).catch(() => {
      tally.end = "left";
      cut(response);
    });
  }

  async #content(exchange: Exchange, content: Content): Promise<void> {
    const { source, digest, outcome } = content;
    const { size } = source;
    const plan = planContent(exchange.method, exchange.headers, { digest, outcome, size });
    const type = inertType(content.mediaType ?? "application/octet-stream", exchange.ask);
    const layout = layOut(plan, size, type);
    const fields = [...layout.fields, ...contentFields(exchange, content, isPart(plan))];
    const headDelay = outcome === "hit" ? undefined : headDelays.content;
    const head = { status: layout.status, fields, headDelay };
    const atHand = exchange.method === "HEAD" ? undefined : bytesAtHand(source, layout);
    const isWhole = exchange.method === "HEAD" || atHand !== undefined;
    if (content.reuse !== undefined && plan.kind === "whole" && isWhole)
      exchange.tally.given = { fields: [...fields], body: atHand, reuse: content.reuse };
    await this.#open(exchange, head, async (writer) => {
      if (exchange.method === "HEAD" || layout.parts.length === 0) return writer.end();
      if (atHand !== undefined) {
        return this.#held(exchange, writer, atHand, () =>
          this.#turn.end().then(() => writer.end(atHand)),
        );
      }
      const loan = this.#buffers.lend();
      try {
        await sendParts({ writer, loan, source, signal: exchange.signal }, layout);
      } finally {
        loan.giveBack();
      }
    });
  }

  async #passed(exchange: Exchange, upstreams: Passed): Promise<void> {
    const passed = await presentable(exchange, upstreams, this.#unusedLogin);
    const { status, body } = passed.response;
    const hasNoBody = exchange.method === "HEAD" || status === 204 || status === 304;
    const head = { status, fields: passedFields(exchange, passed), headDelay: headDelays.passed };
    await this.#open(exchange, head, async (writer) => {
      if (!hasNoBody) {
        for await (const chunk of body) {
          await this.#held(exchange, writer, chunk, () => writePieces(writer, chunk));
        }
      }
      await writer.end();
    });
  }

  #small(exchange: Exchange, status: number, fields: string[], body: Uint8Array): Promise<void> {
    fields.push("Content-Length", String(body.length));
    return this.#open(exchange, { status, fields, headDelay: undefined }, (writer) =>
      exchange.method === "HEAD"
        ? writer.end()
        : this.#held(exchange, writer, body, () => writer.end(body)),
    );
  }

  #held(
    { ask }: Exchange,
    writer: BodyWriter,
    { length }: Uint8Array,
    write: () => Promise<void>,
  ): Promise<void> {
    const giveUp = (): void => writer.giveUp();
    return this.#inMemory.during(ask.client, { bytes: length, giveUp }, write);
  }

  async #open(
    { request, headers, response, tally, ask }: Exchange,
    { status, fields, headDelay }: Head,
    write: (writer: BodyWriter) => Promise<void>,
  ): Promise<void> {
    tally.status = status;
    if (!request.complete && isLong(headers)) fields.push("Connection", "close");
    const onSent = (bytes: number) => {
      tally.sent += bytes;
    };
    const hasLeft = (): boolean => response.destroyed;
    const writer = new BodyWriter(response, {
      status,
      fields,
      watch: this.#watch,
      headDelay,
      turn: (bytes, isFirst) => this.#bodies.take(ask.client, { bytes, isFirst, hasLeft }),
      onBegun: () => {
        tally.begunAt = this.#now();
      },
      onSent,
    });
    try {
      await write(writer);
    } finally {
      writer.close();
    }
  }
}

function given({ ask }: Exchange, content: Content): Partial<Tally> {
  const { outcome, digest, mediaType } = content;
  // What was pushed here is no copy of anything.
  if (ask.door === "hosted") return { digest, mediaType };
  return { outcome, source: bodySourceOf(content), digest, mediaType };
}

/** The one part of a body, when it lies in memory: it needs no buffer of its own. */
function bytesAtHand({ bytes }: ByteSource, { parts, epilogue }: Layout): Uint8Array | undefined {
  const [part] = parts;
  const isOne = parts.length === 1 && part?.preamble === undefined && epilogue === undefined;
  return isOne ? bytes?.subarray(part?.range.start, part?.range.end) : undefined;
}

/** Whether the request's body is too long to be read just to keep its connection. */
function isLong(headers: Exchange["headers"]): boolean {
  if (headers.has("transfer-encoding")) return true;
  return Number(headers.get("content-length")?.[0] ?? 0) > worthDraining;
}

/**
 * Small answers that are ready in the same turn of the event loop leave together at its end, as
 * Redis sends its replies: a client that is woken once for many answers costs a busy server far
 * less than one woken for each, and an idle server makes nobody wait.
 */
export class LoopTurn {
  #end: Promise<void> | undefined;

  /** Resolves when everything that has come in so far was looked at. */
  end(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
