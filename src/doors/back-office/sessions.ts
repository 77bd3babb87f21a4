/**
 * How a browser gets in: by a link that is good once, for a minute, and then by a cookie. In memory: a
 * restart ends them all.
 */
import { createHash, randomBytes } from "node:crypto";
import { BoundedMap } from "../../runtime/bounded-map.ts";

const linkLife = 60_000;
const sessionLife = 12 * 3_600_000;

export class Sessions {
  readonly #now: () => number;
  /** By the hash of what was handed out, until when. */
  readonly #links = new BoundedMap<string, number>({ limit: 100 });
  readonly #sessions = new BoundedMap<string, number>({ limit: 1_000 });

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The word of a new link. */
  offer(): string {
    const word = newWord();
    this.#links.set(hash(word), this.#now() + linkLife);
    return word;
  }

  /** The word of a new session, for a link's; undefined when that is used up, too old or none. */
  take(link: string): string | undefined {
    const key = hash(link);
    const until = this.#links.get(key) ?? 0;
    this.#links.delete(key);
    if (until <= this.#now()) return undefined;
    const word = newWord();
    this.#sessions.set(hash(word), this.#now() + sessionLife);
    return word;
  }

  has(session: string): boolean {
    return (this.#sessions.get(hash(session)) ?? 0) > this.#now();
  }
}

function newWord(): string {
  return randomBytes(32).toString("base64url");
}

/** Looked up by its hash, so that the time a look takes says nothing of what is there. */
function hash(word: string): string {
  return createHash("sha256").update(word).digest("base64url");
}
