/**
 * An answer's bytes, at the reader's pace: the first at once, then in few large pieces, for which the
 * first bytes of each wait a moment. Destroyed before its end, it closes the connection.
 */
import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { Clock } from "../../runtime/clock.ts";
import { longStream, sharedBytes } from "../../runtime/hashing.ts";
import { ownBytes } from "../../runtime/own-bytes.ts";
import type { AnswerBody } from "../registry-client.ts";
import { pieceBytes, type WideBodies } from "./wide-bodies.ts";

/** Milliseconds that bytes wait for more: a small piece costs as much to hand on as a large one. */
const patience = 8;
const usual = 32 * 1024;
const largest = 256 * 1024;

export type ResponseBodyParts = {
  readonly controller: Dispatcher.DispatchController;
  /** Called when nothing more of it is wanted, or comes. */
  readonly release: () => void;
  readonly after: Clock["after"];
  /** Bytes of all of it, as declared; 0 where nothing is. */
  readonly size: number;
  readonly wide: WideBodies;
};

export class ResponseBody extends Readable implements AnswerBody {
  readonly #parts: ResponseBodyParts;
  readonly #newPiece: (length: number) => Buffer;
  #filling: Buffer | undefined;
  #filled = 0;
  readonly #full: Buffer[] = [];
  /** In `#full` and `#filling`. */
  #gathered = 0;
  /** Of a wide one, in this turn of the event loop. */
  #inTurn = 0;
  #cancelShare: (() => void) | undefined;
  /** Given back, for the next bytes. */
  #spare: Buffer | undefined;
  /** How large the next piece may get. */
  #room = usual;
  #isWide = false;
  #isWanted = true;
  #hasGiven = false;
  #hasBegun = false;
  #cancelTurn: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(parts: ResponseBodyParts) {
    // Pieces are read one by one; two that wait would be joined into a third.
    super({ objectMode: true, highWaterMark: 1 });
    this.#parts = parts;
    // Of long ones a thread may hash the pieces where they lie.
    this.#newPiece = parts.size >= longStream ? sharedBytes : Buffer.allocUnsafeSlow;
    // A failure before anybody reads must not end the process; a reader hears of it all the same.
    this.on("error", () => undefined);
  }

  /** Takes a copy. */
  gather(chunk: Buffer): void {
    if (this.destroyed) return;
    for (let at = 0; at < chunk.length; ) {
      this.#filling ??= this.#piece(chunk.length - at);
      const taken = chunk.copy(this.#filling, this.#filled, at);
      this.#filled += taken;
      this.#gathered += taken;
      at += taken;
      if (this.#filled === this.#filling.length) this.#close();
    }
    if (this.#isWide) this.#count(chunk.length);
    if (this.#isWanted) this.#giveSoon();
    if (!this.#mayTake) this.#parts.controller.pause();
  }

  /** Nothing more comes. */
  end(): void {
    if (this.destroyed) return;
    this.#close();
    for (const piece of this.#full.splice(0)) this.push(piece);
    this.#gathered = 0;
    this.push(null);
  }

  /** Nothing more comes: whoever reads hears of it after what did. */
  fail(error: Error): void {
    this.#failure = error;
    if (this.#isWanted) this.#goOn();
  }

  /** Takes a piece for other bytes, of which its reader has kept nothing. */
  giveBack(piece: Uint8Array): void {
    if (this.#room === usual) this.#room = largest;
    if (this.#parts.wide.putBack(piece)) return;
    if (piece.length === largest) this.#widen();
    if (piece.buffer.byteLength === largest) this.#spare = Buffer.from(piece.buffer);
  }

  /** What fills a piece before its time is over comes faster than pieces are handed on. */
  #widen(): void {
    // A body that is over takes no place, since it leaves none again.
    if (this.#isWide || this.destroyed || !this.#parts.wide.enter()) return;
    this.#isWide = true;
  }

  override _read(): void {
    this.#isWanted = true;
    this.#goOn();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#cancelTurn?.();
    this.#cancelShare?.();
    this.#parts.release();
    if (this.#isWide) this.#parts.wide.leave();
    this.#isWide = false;
    if (error !== null || !this.readableEnded) {
      this.#parts.controller.abort(error ?? new Error("the answer is not wanted any more"));
    }
    callback(error);
  }

  /** A piece that is full at once, and any other when it has waited for more. */
  #giveSoon(): void {
    if (this.#full.length > 0) this.#give();
    else
      this.#cancelTurn ??= this.#hasGiven
        ? this.#parts.after(patience, this.#turnOver)
        : atEndOfTurn(this.#turnOver);
  }

  readonly #turnOver = (): void => {
    this.#cancelTurn = undefined;
    if (this.#isWanted && this.#gathered > 0) this.#give();
  };

  #goOn(): void {
    if (this.#failure !== undefined) this.#finish(this.#failure);
    else if (this.#gathered > 0) this.#giveSoon();
    this.#takeMore();
  }

  #takeMore(): void {
    if (this.#mayTake) this.#parts.controller.resume();
  }

  #count(bytes: number): void {
    this.#inTurn += bytes;
    if (this.#cancelShare !== undefined) return;
    this.#parts.wide.takesPart();
    this.#cancelShare = atEndOfTurn(() => {
      this.#cancelShare = undefined;
      this.#inTurn = 0;
      this.#takeMore();
    });
  }

  /** Whoever reads at this moment gets his piece first. */
  #finish(failure: Error): void {
    if (this.#gathered > 0) this.#give();
    else process.nextTick(() => this.destroy(failure));
  }

  /** A reader that has stopped holds what there is room for, a piece, and what he had. */
  get #mayTake(): boolean {
    if (!this.#isWide) return this.#gathered < this.#room;
    return this.#gathered < pieceBytes && this.#inTurn < this.#parts.wide.share;
  }

  #give(): void {
    if (this.#full.length === 0) this.#close();
    const piece = this.#full.shift();
    this.#isWanted = false;
    this.#hasGiven = true;
    this.#cancelTurn?.();
    this.#cancelTurn = undefined;
    this.#gathered -= piece?.length ?? 0;
    this.push(piece);
  }

  /**
   * A piece that is far from full has memory of its own unless it will be given back: its reader may
   * keep it, and many of them.
   */
  #close(): void {
    const filling = this.#filling;
    const piece = filling?.subarray(0, this.#filled);
    if (filling !== undefined && piece !== undefined) {
      const isPoor = this.#room === usual && piece.length < filling.length / 2;
      if (isPoor) this.#spare ??= filling;
      this.#full.push(isPoor ? ownBytes(piece) : piece);
    }
    this.#filling = undefined;
    this.#filled = 0;
  }

  #piece(length: number): Buffer {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return Buffer.allocUnsafe(length);
    }
    if (this.#isWide) return this.#parts.wide.take();
    const spare = this.#spare ?? this.#newPiece(this.#room);
    this.#spare = undefined;
    return spare;
  }
}

/** What it returns lets it be. */
function atEndOfTurn(act: () => void): () => void {
  const turn = setImmediate(act);
  return () => clearImmediate(turn);
}
