/**
 * A text that may be kept, in memory of its own: V8 cuts a text out of a longer one without copying it, and
 * the longer one then stays as long as anybody keeps the piece.
 */
export function ownText(text: string): string {
  return Buffer.from(text).toString();
}
