/**
 * Reads a TLS connection through one buffer that every record goes into, where Node makes a new one of
 * each: that costs more than to decrypt it. Only for undici, which reads at each "readable" all there is,
 * and has copied a body's bytes or handed them on before it reads again.
 *
 *     record ─▶ the one buffer ─▶ read() ─▶ undici's parser ─▶ onResponseData, which copies
 *                     └─ copies wait here while undici is paused ─┘
 */
import type { Socket } from "node:net";

/** The longest record (RFC 8446 §5.1). */
const longestRecord = 16 * 1024;
/** Undici keeps slices of a head until it is whole, which it is after so many bytes or never. */
const longestHead = 192 * 1024;

export class RecordReads {
  /** For `tls.connect`. */
  readonly onread = {
    buffer: Buffer.allocUnsafeSlow(longestRecord),
    callback: (length: number, buffer: Uint8Array): boolean => this.#received(length, buffer),
  };
  #socket: Socket | undefined;
  #read: Socket["read"] | undefined;
  /** What undici may take at this moment. */
  #current: Buffer | undefined;
  #isHandingOut = false;
  /** Copies, oldest first. More records come after it is said that no more should. */
  readonly #waiting: Buffer[] = [];
  /** As many bytes as were sent when the last answer began, and have come since. */
  #sent = 0;
  #sinceSent = 0;

  /** Lets the socket, made with `onread`, be read with `read` at "readable", and in no other way. */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#read = socket.read.bind(socket);
    socket.read = (size?: number): Buffer | null => this.#next(size);
    socket.unshift = (bytes: Uint8Array): void => this.#putBack(bytes);
  }

  /** False stops the reading, until somebody reads again. */
  #received(length: number, buffer: Uint8Array): boolean {
    const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, length);
    if (this.#waiting.length > 0) {
      this.#waiting.push(Buffer.from(bytes));
      return false;
    }
    this.#current = this.#isBody(length) ? bytes : Buffer.from(bytes);
    this.#isHandingOut = true;
    this.#socket?.emit("readable");
    this.#isHandingOut = false;
    const left = this.#current;
    this.#current = undefined;
    if (left !== undefined) this.#waiting.push(Buffer.from(left));
    return this.#waiting.length === 0;
  }

  /** Whether nothing of it can be part of a head. */
  #isBody(length: number): boolean {
    const sent = this.#socket?.bytesWritten ?? 0;
    if (sent !== this.#sent) this.#sinceSent = 0;
    this.#sent = sent;
    this.#sinceSent += length;
    return this.#sinceSent - length > longestHead;
  }

  #next(size: number | undefined): Buffer | null {
    if (size === 0 && this.#waiting.length > 0) {
      // Node looks whether there is more, or whether that was the end: not before all is taken.
      process.nextTick(() => this.#socket?.emit("readable"));
      return null;
    }
    const next = this.#waiting.shift() ?? this.#current;
    if (next === this.#current) this.#current = undefined;
    if (next !== undefined) return next;
    return this.#isHandingOut ? null : (this.#read?.(size) ?? null);
  }

  #putBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#waiting.unshift(Buffer.from(bytes));
  }
}
