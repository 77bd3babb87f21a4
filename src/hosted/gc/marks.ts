/**
 * What is needed in one repository: from what stays for its own sake to all that it leads to, each looked
 * at once however indexes are nested. Lets others have their turn; nothing of it fails.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Digest } from "../../protocol/digest.ts";
import type { Repository } from "../repository.ts";

/** So many are looked at before others get their turn. */
const stride = 2_000;

export class Marks {
  readonly #its: Repository;
  readonly #live = new Set<Digest>();
  /** How many steps all of it took. */
  steps = 0;

  constructor(its: Repository) {
    this.#its = its;
  }

  has(digest: Digest): boolean {
    return this.#live.has(digest);
  }

  async add(roots: Iterable<Digest>): Promise<void> {
    for (const _ of this.#walk(roots)) if (this.steps % stride === 0) await yieldToOthers();
  }

  /** What says something of an image that goes now stays for a while; what it is about does not for that. */
  async addSurvivors(): Promise<void> {
    for (const [digest, { subject, references }] of this.#its.manifests) {
      if (subject === undefined || this.#live.has(digest)) continue;
      if (this.#live.has(subject) || !this.#its.manifests.has(subject)) continue;
      this.#live.add(digest);
      await this.add([...references, ...this.#its.referrersOf(digest)]);
    }
  }

  /** Of a few, within this tick. */
  addNow(roots: Iterable<Digest>): void {
    for (const _ of this.#walk(roots));
  }

  *#walk(roots: Iterable<Digest>): IterableIterator<void> {
    const waiting = [...roots];
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      this.steps += 1;
      yield;
      if (this.#live.has(digest)) continue;
      this.#live.add(digest);
      for (const next of this.#from(digest)) if (!this.#live.has(next)) waiting.push(next);
    }
  }

  /** What a manifest lists, what it is about, and what is about it. */
  *#from(digest: Digest): IterableIterator<Digest> {
    yield* this.#its.referrersOf(digest);
    const link = this.#its.manifests.get(digest);
    if (link === undefined) return;
    yield* link.references;
    if (link.subject !== undefined) yield link.subject;
  }
}
