/**
 * Looks once more at manifests that were served, behind everybody's back, so that what is kept can
 * be pulled again when the registry cannot be asked: one after the other at each registry, a moment
 * after clients have fetched what they miss, and later again where that took them longer.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type RepositoryRef, repositoryKey } from "../repository-ref.ts";
import { ManifestLook, type ManifestLookParts } from "./manifest-look.ts";

export type SettlingOptions = ManifestLookParts & { readonly clock: Clock };

type Waiting = {
  readonly ref: RepositoryRef;
  readonly digest: Digest;
  looks: number;
  /** When it is looked at next, in milliseconds since 1970. */
  at: number;
};

/** Milliseconds from one look to the next, while something is missing. */
const delays = [10_000, 60_000, 600_000];
/** So long nothing more is done about a manifest. */
const rest = 3_600_000;
/** Manifests that wait for a look; others are seen to when they are served again. */
const mostWaiting = 2_000;
/** Milliseconds between looks at who is due. */
const stride = 1_000;

export class Settling {
  readonly #options: SettlingOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** Until when each has been seen to. */
  readonly #resting = new BoundedMap<string, number>({ limit: 20_000 });
  readonly #looking = new Map<RegistryName, Promise<void>>();
  readonly #closing = new AbortController();
  #cancel: (() => void) | undefined;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** A client has just got it from this repository. */
  served({ registry, repository }: RepositoryRef, digest: Digest): void {
    const ref = { registry, repository };
    const key = `${repositoryKey(ref)}@${digest}`;
    const now = this.#options.now();
    if (this.#waiting.has(key) || (this.#resting.get(key) ?? 0) > now) return;
    if (this.#waiting.size >= mostWaiting) return;
    this.#waiting.set(key, { ref, digest, looks: 0, at: now + (delays[0] ?? 0) });
    this.#tick();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancel?.();
    await Promise.all(this.#looking.values());
  }

  #tick(): void {
    if (this.#closing.signal.aborted || this.#waiting.size === 0) return;
    this.#cancel ??= this.#options.clock.after(stride, () => {
      this.#cancel = undefined;
      this.#round();
      this.#tick();
    });
  }

  #round(): void {
    const due = new Map<RegistryName, [string, Waiting][]>();
    for (const [key, waiting] of this.#waiting) {
      const { name } = waiting.ref.registry;
      if (waiting.at > this.#options.now() || this.#looking.has(name)) continue;
      const others = due.get(name);
      if (others === undefined) due.set(name, [[key, waiting]]);
      else others.push([key, waiting]);
    }
    for (const [name, all] of due)
      this.#looking.set(
        name,
        this.#lookAt(all).finally(() => this.#looking.delete(name)),
      );
  }

  async #lookAt(due: readonly (readonly [string, Waiting])[]): Promise<void> {
    for (const [key, waiting] of due) {
      if (this.#closing.signal.aborted) return;
      const isWhole = await this.#look(waiting);
      waiting.looks += 1;
      const delay = isWhole ? undefined : delays[waiting.looks];
      const now = this.#options.now();
      waiting.at = now + (delay ?? 0);
      if (delay !== undefined) continue;
      this.#waiting.delete(key);
      this.#resting.set(key, now + rest);
    }
  }

  /** What fails is tried again with the next look. */
  async #look({ ref, digest }: Waiting): Promise<boolean> {
    const look = new ManifestLook(this.#options, ref, this.#closing.signal);
    return await look.settle(digest).catch(() => false);
  }
}
