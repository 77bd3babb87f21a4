/**
 * Answers' heads that Go's clients read and undici does not: a Content-Length said twice with the same
 * value (RFC 9112 §6.3), or followed by blanks. Where values differ, or a transfer coding is there too,
 * nothing is touched, and the answer is refused as before.
 */
import type { Socket } from "node:net";

const end = "\r\n\r\n";
const number = /^[ \t]*(\d{1,15})[ \t]*$/;
/** What undici takes is no more. */
const longest = 128 * 1024;

/**
 * The socket, whose first answer is read with its head mended. For one request and one answer: what
 * follows that is nobody's.
 */
export function withMendedHead(socket: Socket): Socket {
  const read = socket.read.bind(socket);
  let head: Buffer | undefined = Buffer.alloc(0);
  // Undici reads a socket by this alone, and needs all else of what a socket is.
  socket.read = (size?: number): Buffer | null => {
    const piece: Buffer | null = read(size);
    if (head === undefined) return piece;
    if (piece !== null) head = Buffer.concat([head, piece]);
    const isEnded = socket.readableEnded || socket.destroyed;
    const length = headLength(head);
    if (length === undefined && head.length < longest && !isEnded) return null;
    const all = head;
    head = undefined;
    if (all.length === 0) return null;
    const mended = mendHead(all.toString("latin1", 0, length ?? 0));
    return Buffer.concat([Buffer.from(mended, "latin1"), all.subarray(length ?? 0)]);
  };
  return socket;
}

/** The head, or several when the first ones are interim, each with the blank line at its end. */
export function mendHead(text: string): string {
  return text
    .split(end)
    .map((head) => withOneLength(head))
    .join(end);
}

function withOneLength(head: string): string {
  const lines = head.split("\r\n");
  const isLength = (line: string): boolean => /^content-length:/i.test(line);
  const values = lines.filter(isLength).flatMap((line) => line.slice(15).split(","));
  const [value, ...others] = new Set(values.map((one) => number.exec(one)?.[1]));
  // A folded line would become part of another field.
  const isOdd = lines.some((line) => /^(?:[ \t]|transfer-encoding[ \t]*:)/i.test(line));
  if (value === undefined || others.length > 0 || isOdd) return head;
  return [...lines.filter((line) => !isLength(line)), `Content-Length: ${value}`].join("\r\n");
}

/** Up to the end of the final head; undefined while that is still to come. */
function headLength(bytes: Buffer): number | undefined {
  for (let start = 0; ; ) {
    const at = bytes.indexOf(end, start);
    if (at < 0) return undefined;
    const isInterim = /^HTTP\/1\.[01] 1/.test(bytes.toString("latin1", start, start + 10));
    start = at + end.length;
    if (!isInterim) return start;
  }
}
