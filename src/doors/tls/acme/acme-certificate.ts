/**
 * Keeps the certificate for one name in force: orders the first, renews at two thirds of its life, and
 * tries again, ever more slowly, while what there is serves on. What becomes of other names is theirs.
 */
import type { ObserveDoor } from "../../door-event.ts";
import { type KeyPair, namesOf } from "../key-pair.ts";
import { AcmeError } from "./acme-error.ts";
import type { AcmeFolder, KeptCertificate } from "./acme-folder.ts";
import type { AcmeService } from "./acme-service.ts";
import type { Challenges } from "./challenges.ts";

export type AcmeTiming = {
  readonly now: () => number;
  /** Rejects when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
};

export type AcmeCertificateOptions = {
  /** A host, or `*.suffix`. */
  readonly name: string;
  /** The service's directory, for what is told. */
  readonly from: string;
  readonly folder: Pick<AcmeFolder, "accountKey" | "certificate" | "keep">;
  readonly service: Pick<AcmeService, "order">;
  readonly challenges: Challenges;
  readonly observe: ObserveDoor;
  readonly timing: AcmeTiming;
};

const second = 1_000;
const hour = 3_600 * second;

/** A service that is away costs nothing to ask; one that refuses counts how often (Let's Encrypt: 5 an hour). */
const pauses = {
  UNREACHABLE: { first: 10 * second, longest: hour },
  REFUSED: { first: 60 * second, longest: 12 * hour },
  CHALLENGE: { first: 60 * second, longest: 12 * hour },
} as const;

const longestReason = 300;
/** Timers do not count days well, and clocks jump. */
const longestSleep = hour;

/** No limit of any service lasts longer, whatever a wrong date makes of it. */
const longestAsked = 7 * 24 * hour;

export class AcmeCertificate {
  readonly #options: AcmeCertificateOptions;
  readonly #life = new AbortController();
  #pair: KeyPair | undefined;
  /** Another service's serves until this one has given its own. */
  #isOfThisService: boolean;
  #running: Promise<void> | undefined;
  /** Why the last order came to nothing, and when there is another. */
  #failure: { readonly cause: unknown; readonly retryAt: number } | undefined;

  private constructor(options: AcmeCertificateOptions, kept: KeptCertificate | undefined) {
    this.#options = options;
    this.#pair = kept?.pair;
    this.#isOfThisService = kept?.isOfThisService ?? true;
  }

  /** Throws DoorError IO. */
  static async open(options: AcmeCertificateOptions): Promise<AcmeCertificate> {
    return new AcmeCertificate(options, await options.folder.certificate(options.name));
  }

  /** The certificate while it is good; none of it once it has ended. */
  pairs(): readonly KeyPair[] {
    const pair = this.#pair;
    return pair === undefined || pair.notAfter <= this.#options.timing.now() ? [] : [pair];
  }

  /** A sentence, from an order that failed until one has not. */
  trouble(): string | undefined {
    if (this.#failure === undefined) return undefined;
    const { name } = this.#options;
    const { cause, retryAt } = this.#failure;
    const [pair] = this.pairs();
    const what =
      pair === undefined
        ? `there is no certificate for ${name}`
        : `the certificate for ${name}, good until ${isoTime(pair.notAfter)}, is not renewed`;
    const why = (cause instanceof Error ? cause.message : String(cause)).slice(0, longestReason);
    return `${what}: ${why}; the next try is at ${isoTime(retryAt)}`;
  }

  /** Goes on until it is closed. */
  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#life.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#life.signal.aborted) {
      try {
        await this.#sleepUntil(this.#dueAt());
        await this.#renew();
        failures = 0;
      } catch (error) {
        if (this.#life.signal.aborted) return;
        failures += 1;
        await this.#pauseAfter(error, failures);
      }
    }
  }

  /** Two thirds through its life; at once when there is none, or it is another service's. */
  #dueAt(): number {
    const pair = this.#pair;
    if (pair === undefined || !this.#isOfThisService) return Number.NEGATIVE_INFINITY;
    return pair.notBefore + ((pair.notAfter - pair.notBefore) * 2) / 3;
  }

  async #renew(): Promise<void> {
    const { name, from, folder, service, challenges, observe } = this.#options;
    const accountKey = await folder.accountKey();
    const { signal } = this.#life;
    const { chain, key } = await service.order({ name, accountKey, challenges }, signal);
    const pair = await folder.keep(name, chain, key);
    this.#pair = pair;
    this.#isOfThisService = true;
    this.#failure = undefined;
    observe({ kind: "certificateTaken", from, names: namesOf(pair), until: pair.notAfter });
  }

  /** Ever longer, or as long as the service asks for. */
  async #pauseAfter(cause: unknown, failures: number): Promise<void> {
    const { name: names, from, observe, timing } = this.#options;
    const { first, longest } = pauses[cause instanceof AcmeError ? cause.code : "REFUSED"];
    const grown = Math.min(first * 2 ** (failures - 1), longest) * (0.75 + timing.random() / 2);
    const asked = cause instanceof AcmeError ? (cause.retryAfter ?? 0) : 0;
    const pause = Math.round(Math.max(grown, Math.min(asked, longestAsked)));
    const retryAt = timing.now() + pause;
    this.#failure = { cause, retryAt };
    observe({ kind: "certificateFailed", names, from, cause, retryAt });
    await this.#sleepFor(pause).catch(() => undefined);
  }

  /** Or until the clock says so; one that is set back makes nobody wait longer. */
  async #sleepFor(milliseconds: number): Promise<void> {
    const { now, sleep } = this.#options.timing;
    const until = now() + milliseconds;
    for (let left = milliseconds; left > 0 && now() < until; left -= longestSleep) {
      await sleep(Math.min(left, until - now(), longestSleep), this.#life.signal);
    }
  }

  async #sleepUntil(time: number): Promise<void> {
    const { now, sleep } = this.#options.timing;
    const { signal } = this.#life;
    for (let left = time - now(); left > 0; left = time - now()) {
      await sleep(Math.min(left, longestSleep), signal);
    }
    signal.throwIfAborted();
  }
}

function isoTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16)}Z`;
}
