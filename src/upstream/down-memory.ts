/**
 * Remembers for a moment which hosts do not answer. Whoever has a kept answer to fall back on is told
 * so at once; when the moment has passed, one of them may try, and the others go on being told.
 */
import { parseHostPort } from "../protocol/http/host-port.ts";
import { FairMap } from "../runtime/fair-map.ts";
import { siteOf } from "./site.ts";
import { UpstreamError, type UpstreamErrorCode } from "./upstream-error.ts";
import type { ObserveUpstream } from "./upstream-event.ts";

export type DownMemoryOptions = {
  readonly now: () => number;
  readonly observe: ObserveUpstream;
  /** 15 s. */
  readonly downMs?: number;
};

/** What everybody who asks a host tells of it, and may want to know. Hosts are `host[:port]`, 443 left out. */
export type Outages = Pick<DownMemory, "isDown" | "failed" | "answered">;

export type OutageAsk = {
  /** Has something to fall back on. */
  readonly isBrief: boolean;
  /** Wants what may take its time while the host answers everything else at once. */
  readonly isSlow?: boolean;
};

type Down = { until: number; isProbed: boolean };

/** Whatever is asked for. */
const unreachable: ReadonlySet<UpstreamErrorCode> = new Set(["DNS", "CONNECT", "TLS", "NO_TLS"]);
const outages: ReadonlySet<UpstreamErrorCode> = new Set([...unreachable, "TIMEOUT", "RESET"]);
const maxHosts = 1_000;

export class DownMemory {
  readonly #now: () => number;
  readonly #observe: ObserveUpstream;
  readonly #downMs: number;
  readonly #hosts = new FairMap<string, Down>({ limit: maxHosts });

  constructor(options: DownMemoryOptions) {
    this.#now = options.now;
    this.#observe = options.observe;
    this.#downMs = options.downMs ?? 15_000;
  }

  /**
   * Asks, and remembers how it went. Throws DOWN without asking when the host is down and the asker is
   * brief; who has nothing to fall back on always asks. What hung or broke off for such a one may have
   * been asked for to that end: one odd path must not make everybody do with what is kept.
   */
  async ask<T>(
    host: string,
    { isBrief, isSlow = false }: OutageAsk,
    question: () => Promise<T>,
  ): Promise<T> {
    const down = this.#hosts.get(host);
    if (isBrief && down !== undefined) this.#enter(host, down);
    try {
      const answer = await question();
      this.answered(host);
      return answer;
    } catch (error) {
      const signs = isBrief && !isSlow ? outages : unreachable;
      const isOutage = error instanceof UpstreamError && signs.has(error.code);
      if (isOutage) this.failed(host, error.code);
      else if (isBrief && down !== undefined) down.isProbed = false;
      throw error;
    }
  }

  /** Whether who has something to fall back on had better not ask. */
  isDown(host: string): boolean {
    const down = this.#hosts.get(host);
    return down !== undefined && (down.isProbed || this.#now() < down.until);
  }

  answered(host: string): void {
    if (this.#hosts.delete(host)) this.#observe({ kind: "hostUp", host });
  }

  /** Of no consequence when the failure is none of reaching the host. */
  failed(host: string, code: UpstreamErrorCode): void {
    if (!outages.has(code)) return;
    if (!this.#hosts.has(host)) this.#observe({ kind: "hostDown", host, code });
    const address = parseHostPort(host, 443);
    const until = this.#now() + this.#downMs;
    this.#hosts.set(host, { until, isProbed: false }, address && siteOf(address));
  }

  #enter(host: string, down: Down): void {
    if (this.isDown(host)) {
      throw new UpstreamError("DOWN", host, `${host} did not answer a moment ago`);
    }
    down.isProbed = true;
  }
}
