/**
 * A sentence as the reason phrase of a status line: many clients print that, and neither the body
 * of a 5xx nor, of course, that of a HEAD. ASCII, one line, at most 160 bytes.
 */

export function reasonPhrase(sentence: string): string {
  return sentence.replace(/[^\x20-\x7e]/g, "?").slice(0, 160);
}
