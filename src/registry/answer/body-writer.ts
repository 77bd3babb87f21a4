/**
 * Writes an answer piece by piece, the next one only once the last has left: a client that stops
 * reading costs one piece, and after a while its connection. The head goes out with the first
 * piece, so that what fails before it can still be answered cleanly.
 */
import type { ServerResponse } from "node:http";
import type { ByteSource } from "../../download/byte-source.ts";
import type { ByteRange } from "../../protocol/http/range.ts";
import { type InSequence, Sequence } from "../../runtime/sequence.ts";
import { ClientGone } from "./client-gone.ts";
import type { Layout } from "./content-plan.ts";
import type { Loan } from "./reader-buffers.ts";

export type BodyWriterOptions = {
  readonly status: number;
  /** Name, value, name, value … */
  readonly fields: string[];
  /** Tells when one piece takes too long. */
  readonly watch: SendWatch;
  /** Milliseconds after which the head goes out alone; undefined when the first piece is at hand. */
  readonly headDelay: number | undefined;
  /** Undefined when so many bytes may leave now; otherwise resolves when they may. */
  readonly turn: (bytes: number, isFirst: boolean) => Promise<void> | undefined;
  /** Called once, when there is a first piece to be sent. */
  readonly onBegun: () => void;
  /** Hears of each piece that has left. */
  readonly onSent: (bytes: number) => void;
};

/** Milliseconds in which a client on a fast line takes a piece, on a busy machine too: 10 MB/s, and twice that for who is known to be. */
const soon = 25;

export class BodyWriter {
  readonly #response: ServerResponse;
  readonly #options: BodyWriterOptions;
  readonly #headTimer: NodeJS.Timeout | undefined;
  #fail: ((error: Error) => void) | undefined;
  #gaveUp: ClientGone | undefined;
  #leaving: Leaving | undefined;
  #hasBegun = false;
  #isFast = false;

  constructor(response: ServerResponse, options: BodyWriterOptions) {
    this.#response = response;
    this.#options = options;
    if (options.headDelay !== undefined) {
      this.#headTimer = setTimeout(() => {
        this.#writeHead();
        response.flushHeaders();
      }, options.headDelay);
    }
    response.once("close", this.#onClose);
  }

  /** Whether the last piece left so soon that reading the next ones is what keeps its client waiting. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /** Resolves when the system has taken all of it; the chunk may then be written over. */
  async write(chunk: Uint8Array): Promise<void> {
    const turn = this.#turn(chunk);
    if (turn !== undefined) await turn;
    await this.#settle((done) => this.#response.write(chunk, done));
    this.#options.onSent(chunk.length);
  }

  /** Ends the body, with a last piece when given. */
  async end(chunk?: Uint8Array): Promise<void> {
    const turn = chunk && this.#turn(chunk);
    if (turn !== undefined) await turn;
    await this.#settle((done) => {
      if (chunk === undefined) this.#response.end(() => done());
      else this.#response.end(chunk, () => done());
    });
    if (chunk !== undefined) this.#options.onSent(chunk.length);
  }

  /** Breaks off what its client is too slow for. */
  giveUp(): void {
    // What waits for its turn hears of it when that comes.
    this.#gaveUp = new ClientGone("STOPPED_READING");
    this.#fail?.(this.#gaveUp);
    cut(this.#response);
  }

  /** Stops the clocks; to be called however the body ends. */
  close(): void {
    clearTimeout(this.#headTimer);
    this.#options.watch.end(this.#leaving);
    this.#response.off("close", this.#onClose);
  }

  #turn({ length }: Uint8Array): Promise<void> | undefined {
    const isFirst = !this.#hasBegun;
    if (isFirst) this.#options.onBegun();
    this.#hasBegun = true;
    return this.#options.turn(length, isFirst);
  }

  #settle(write: (done: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#gaveUp !== undefined) return Promise.reject(this.#gaveUp);
    if (this.#response.destroyed) return Promise.reject(new ClientGone("LEFT"));
    this.#writeHead();
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      const { watch } = this.#options;
      const leaving = watch.begin(this.#onLate);
      this.#leaving = leaving;
      write((error) => {
        this.#isFast = watch.age(leaving) < soon;
        watch.end(leaving);
        this.#fail = undefined;
        if (error) reject(new ClientGone("LEFT", { cause: error }));
        else resolve();
      });
    });
  }

  #writeHead(): void {
    if (this.#response.headersSent) return;
    clearTimeout(this.#headTimer);
    this.#response.writeHead(this.#options.status, this.#options.fields);
  }

  readonly #onLate = (): void => this.giveUp();

  readonly #onClose = (): void => {
    // Node forgets the callbacks of what was waiting for a socket that is gone.
    this.#fail?.(new ClientGone("LEFT"));
  };
}

/** Breaks the connection off, so that no client can take what it got for the whole. */
export function cut(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null) response.destroy();
  else if ("encrypted" in socket) socket.destroy();
  else socket.resetAndDestroy();
}

/** What is on its way to a client, since when, and what to do once that takes too long. */
export interface Leaving extends InSequence<Leaving> {
  readonly onLate: () => void;
  readonly since: number;
}

/**
 * Notices what takes too long to leave for a client that reads slowly or not at all. One timer
 * watches everything, since a timer for each small answer would cost more than the answer.
 */
export class SendWatch {
  readonly #limit: number;
  readonly #now: () => number;
  /** All have the same time, so who came first is due first. */
  readonly #leaving = new Sequence<Leaving>();
  #timer: NodeJS.Timeout | undefined;

  /** `limit` in milliseconds; `now` is a clock that never goes back. */
  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Calls `onLate` once unless `end` is called with what it returns in time. */
  begin(onLate: () => void): Leaving {
    const leaving: Leaving = { onLate, since: this.#now(), before: undefined, after: undefined };
    this.#leaving.add(leaving);
    this.#timer ??= this.#ringAfter(this.#limit);
    return leaving;
  }

  /** Milliseconds since it began. */
  age({ since }: Leaving): number {
    return this.#now() - since;
  }

  /** False when it was too late, or had ended before. */
  end(leaving: Leaving | undefined): boolean {
    return leaving !== undefined && this.#leaving.remove(leaving);
  }

  #ringAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#ring(), milliseconds).unref();
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#now();
    for (;;) {
      const { first } = this.#leaving;
      if (first === undefined) return;
      const left = first.since + this.#limit - now;
      if (left > 0) {
        this.#timer = this.#ringAfter(left);
        return;
      }
      this.#leaving.remove(first);
      first.onLate();
    }
  }
}

export type Sending = {
  readonly writer: BodyWriter;
  readonly loan: Loan;
  readonly source: ByteSource;
  readonly signal: AbortSignal;
};

/**
 * Reads a source and writes it to a client: read, write, wait, with one buffer. Resolves when all of
 * it has left; rejects when the source or the client fails.
 */
export async function sendParts(
  sending: Sending,
  { parts, epilogue }: Pick<Layout, "parts" | "epilogue">,
): Promise<void> {
  const last = epilogue === undefined ? parts.at(-1) : undefined;
  for (const part of parts) {
    if (part.preamble !== undefined) await sending.writer.write(part.preamble);
    await sendRange(sending, part.range, part === last);
  }
  if (epilogue !== undefined) await sending.writer.end(epilogue);
}

/** Each piece has a time of its own in which to leave, and its place in a turn. */
const largestPiece = 256 * 1024;
/** Of what was read for who is fast. */
const largestOfFast = 512 * 1024;

/** What lies in memory already. */
export async function writePieces(
  writer: BodyWriter,
  bytes: Uint8Array,
  largest = largestPiece,
): Promise<void> {
  for (let start = 0; start < bytes.length; start += largest) {
    await writer.write(bytes.subarray(start, start + largest));
  }
}

/**
 * The last piece ends the answer, so that a small body leaves in one packet. Who takes pieces as fast
 * as they are read has several read at once: to hand each to a thread and back takes a quarter of all
 * the work there is.
 */
async function sendRange(sending: Sending, range: ByteRange, endsAnswer: boolean): Promise<void> {
  const { writer, loan, source, signal } = sending;
  // That there is nothing is true once the source says so: an empty body may be a wrong one too.
  if (range.start === range.end) {
    await source.read(Buffer.alloc(0), range.start, signal);
    return endsAnswer ? writer.end() : undefined;
  }
  let position = range.start;
  let isWide = false;
  while (position < range.end) {
    const remaining = range.end - position;
    const buffer = loan.buffer(remaining, isWide);
    const target = buffer.length > remaining ? buffer.subarray(0, remaining) : buffer;
    const count = await source.read(target, position, signal);
    if (count === 0) return endOfUnknown(writer, range);
    position += count;
    const bytes = target.subarray(0, count);
    await writeRead(writer, bytes, endsAnswer && position === range.end);
    // What is still coming in brings less than there is room for: more room would be for nothing.
    isWide = writer.isFast && (isWide || count === target.length);
  }
}

async function writeRead(writer: BodyWriter, bytes: Uint8Array, isLast: boolean): Promise<void> {
  const end = isLast ? bytes.length % largestOfFast || largestOfFast : 0;
  await writePieces(writer, bytes.subarray(0, bytes.length - end), largestOfFast);
  if (isLast) await writer.end(bytes.subarray(bytes.length - end));
}

async function endOfUnknown(writer: BodyWriter, range: ByteRange): Promise<void> {
  if (range.end !== Number.POSITIVE_INFINITY) throw new Error("the bytes ended before their size");
  await writer.end();
}
