/**
 * WWW-Authenticate as registries really send it (RFC 7235 §4.1, read tolerantly): unquoted values,
 * several challenges on a line or on lines of their own, realms with a query of their own.
 */

/** Scheme and parameter names are lower case; values are unquoted. */
export type Challenge = {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
};

const maxChallenges = 16;
const maxLineLength = 16_384;
const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** Unquoted values end at a comma or white space: `service=gcr.io`. */
const bareValue = /[^\s,"]*/y;
const quotedValue = /"((?:[^"\\]|\\.)*)"?/sy;
/** What follows `Negotiate` or `NTLM`, and is no list of parameters. */
const token68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;

/** Every challenge of the given lines, in order; what cannot be read is left out. */
export function parseChallenges(lines: readonly string[]): Challenge[] {
  const found = lines
    .filter((line) => line.length <= maxLineLength)
    .flatMap((line) => parseLine(line));
  return found.slice(0, maxChallenges);
}

/** One line for one challenge; control characters cannot get into it. */
export function printChallenge(challenge: Challenge): string {
  const parameters = [...challenge.parameters].map(([name, value]) => `${name}="${quote(value)}"`);
  return `${printScheme(challenge.scheme)} ${parameters.join(",")}`.trimEnd();
}

/** The first challenge of a scheme (`bearer`, `basic`), or undefined. */
export function challengeOf(
  challenges: readonly Challenge[],
  scheme: string,
): Challenge | undefined {
  return challenges.find((challenge) => challenge.scheme === scheme);
}

/** The same challenge with these parameters set, or left out where undefined. */
export function withParameters(
  challenge: Challenge,
  changes: Readonly<Record<string, string | undefined>>,
): Challenge {
  const parameters = new Map(challenge.parameters);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) parameters.delete(name);
    else parameters.set(name, value);
  }
  return { scheme: challenge.scheme, parameters };
}

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const cursor = new Cursor(line);
  while (cursor.skipSeparators()) {
    const word = cursor.take(token);
    if (word === undefined) cursor.skipOne();
    else if (cursor.takeEquals()) {
      const value = cursor.takeValue();
      const parameters = challenges.at(-1)?.parameters;
      const name = word.toLowerCase();
      // A name given twice keeps its first value, so that nothing appended can replace a realm.
      if (parameters !== undefined && !parameters.has(name)) parameters.set(name, value);
    } else {
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
      cursor.skipSpace();
      cursor.take(token68);
    }
  }
  return challenges;
}

class Cursor {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** False at the end of the line. */
  skipSeparators(): boolean {
    this.take(/[\s,]*/y);
    return this.#position < this.#text.length;
  }

  skipSpace(): void {
    this.take(/\s*/y);
  }

  skipOne(): void {
    this.#position += 1;
  }

  take(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern.source, pattern.flags);
    sticky.lastIndex = this.#position;
    const match = sticky.exec(this.#text);
    if (match === null) return undefined;
    this.#position = sticky.lastIndex;
    return match[1] ?? match[0];
  }

  /** `=`, with the white space around it that some servers send. */
  takeEquals(): boolean {
    return this.take(/\s*=\s*/y) !== undefined;
  }

  takeValue(): string {
    const quoted = this.take(quotedValue);
    return quoted === undefined ? (this.take(bareValue) ?? "") : quoted.replace(/\\(.)/gs, "$1");
  }
}

function quote(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&");
}

function printScheme(scheme: string): string {
  return scheme.charAt(0).toUpperCase() + scheme.slice(1);
}
