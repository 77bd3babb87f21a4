/**
 * Clients that ask for tags, manifests, blobs and ranges, leave early, and check every byte of every
 * answer that was complete. What breaks off is counted, and is no more than that.
 */
import { setTimeout as pause } from "node:timers/promises";
import { below, seededBytes, seededRandom, sha256 } from "../seeded.ts";
import { wayOf } from "./herd.ts";
import type { MixedBlob, MixedJob, MixedReport } from "./jobs.ts";
import { type Pulled, rawPull, type Way } from "./raw-pull.ts";

type Try = { readonly what: string; readonly pulled: Pulled; readonly isRight: boolean };

export class Mixed {
  readonly #job: MixedJob;
  readonly #way: Way;
  readonly #wrong: string[] = [];
  readonly #failures: Record<string, number> = {};
  readonly #clients: Promise<void>[];
  #complete = 0;
  #bytes = 0;
  #isStopped = false;

  constructor(job: MixedJob) {
    this.#job = job;
    this.#way = wayOf(job);
    this.#clients = Array.from({ length: job.clients }, (_, index) =>
      this.#client(seededRandom(job.seed * 1_000 + index)),
    );
  }

  /** Lets every client finish what it is at. */
  async stop(): Promise<MixedReport> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
    return {
      complete: this.#complete,
      bytes: this.#bytes,
      wrong: this.#wrong,
      failures: this.#failures,
    };
  }

  async #client(random: () => number): Promise<void> {
    while (!this.#isStopped) {
      const tried = await this.#try(random);
      this.#note(tried);
      // Nobody listens between a kill and the start that follows it.
      if (tried.pulled.status === 0) await pause(100);
    }
  }

  #note({ what, pulled, isRight }: Try): void {
    this.#bytes += pulled.bytes;
    if (pulled.error === "left") return;
    if (pulled.isComplete && pulled.status < 300) {
      this.#complete += 1;
      if (!isRight) this.#wrong.push(`${what}: ${pulled.status}, ${pulled.bytes} bytes`);
      return;
    }
    const failure = `${pulled.status} ${pulled.error ?? pulled.headers.get("content-type") ?? ""}`;
    this.#failures[failure] = (this.#failures[failure] ?? 0) + 1;
  }

  async #try(random: () => number): Promise<Try> {
    const { repository, images, blobs } = this.#job;
    const kind = random();
    const image = images[below(random, images.length)];
    if (image !== undefined && kind < 0.3) {
      const reference = kind < 0.15 ? image.tag : image.digest;
      const pulled = await this.#pull(`/v2/${repository}/manifests/${reference}`);
      return { what: reference, pulled, isRight: pulled.digest === image.digest };
    }
    const blob = blobs[below(random, blobs.length)];
    if (blob === undefined) throw new Error("no blobs to ask for");
    if (kind < 0.5) return this.#range(blob, random);
    const leaveAfter = kind < 0.6 ? below(random, blob.size) + 1 : undefined;
    const pulled = await this.#pull(`/v2/${repository}/blobs/${blob.digest}`, { leaveAfter });
    return { what: blob.digest, pulled, isRight: pulled.digest === blob.digest };
  }

  async #range({ digest, seed, size }: MixedBlob, random: () => number): Promise<Try> {
    const start = below(random, size);
    const end = start + 1 + below(random, Math.min(size - start, 512 * 1024));
    const range = `bytes=${start}-${end - 1}`;
    const path = `/v2/${this.#job.repository}/blobs/${digest}`;
    const pulled = await this.#pull(path, { headers: { Range: range } });
    const right = seededBytes(seed, end).subarray(start);
    const isWhole = pulled.status === 200 && pulled.digest === digest;
    return {
      what: `${range} of ${digest}`,
      pulled,
      isRight: isWhole || (pulled.status === 206 && pulled.digest === sha256(right)),
    };
  }

  #pull(path: string, how: Partial<Parameters<typeof rawPull>[1]> = {}): Promise<Pulled> {
    return rawPull(this.#way, { path, rate: this.#job.rate, ...how });
  }
}
