/** The dns-01 challenge (RFC 8555 §8.4): a TXT record, set by whoever keeps the zone. */
import type { Challenges, Proof } from "./challenges.ts";

/** Keeps a zone. Several values may stand at one name. */
export interface DnsProvider {
  /** Throws with a sentence for the log. */
  set(name: string, value: string, signal: AbortSignal): Promise<void>;
  /** What is not there is no error. */
  unset(name: string, value: string): Promise<void>;
}

export type DnsChallengesOptions = {
  readonly provider: DnsProvider;
  /** Milliseconds for a record to reach every server of the zone. */
  readonly settle: number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

export class DnsChallenges implements Challenges {
  readonly type = "dns-01";
  readonly #options: DnsChallengesOptions;

  constructor(options: DnsChallengesOptions) {
    this.#options = options;
  }

  async show(proof: Proof, signal: AbortSignal): Promise<void> {
    const { provider, settle, sleep } = this.#options;
    await provider.set(...record(proof), signal);
    if (settle > 0) await sleep(settle, signal);
  }

  hide(proof: Proof): Promise<void> {
    return this.#options.provider.unset(...record(proof));
  }
}

function record({ domain, answer }: Proof): [string, string] {
  return [`_acme-challenge.${domain}`, answer];
}
