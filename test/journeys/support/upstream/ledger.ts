/** Everything that was asked of the journey's registries, written down as it was answered. */
import { setTimeout } from "node:timers/promises";

export type LedgerEntry = {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  status: number;
  /** Body bytes sent. */
  bytes: number;
  readonly hasAuthorization: boolean;
  /** Whose login or token came with it; "" for nobody's. */
  readonly user: string;
  readonly userAgent: string;
};

type Wanted = {
  readonly host?: string;
  readonly method?: string;
  readonly path?: RegExp;
  readonly status?: number;
};

export class Ledger {
  #entries: LedgerEntry[] = [];

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  add(entry: LedgerEntry): LedgerEntry {
    this.#entries.push(entry);
    return entry;
  }

  /** Starts afresh: what comes next is counted from nothing. */
  clear(): void {
    this.#entries = [];
  }

  find({ host, method, path, status }: Wanted): LedgerEntry[] {
    return this.#entries.filter(
      (entry) =>
        (host ?? entry.host) === entry.host &&
        (method ?? entry.method) === entry.method &&
        (status ?? entry.status) === entry.status &&
        (path?.test(entry.path) ?? true),
    );
  }

  /** Everything, as `401 GET registry-1.docker.io/v2/`. */
  lines(): string[] {
    return this.#entries.map(
      ({ status, method, host, path }) => `${status} ${method} ${host}${path}`,
    );
  }

  /** Resolves once nothing has been asked for half a second, as when work in the background is done. */
  async quiet(): Promise<void> {
    let seen: number;
    do {
      seen = this.#entries.length;
      await setTimeout(500);
    } while (seen !== this.#entries.length);
  }

  /** GETs of manifests and blobs, at registries and at CDNs alike: what a cache is there to save. */
  contentGets(): string[] {
    return this.find({ method: "GET", path: /\/(?:manifests|blobs|cdn)\// }).map(
      ({ host, path, status }) => `${status} ${host}${path.replace(/\?.*$/, "")}`,
    );
  }

  /** Body bytes sent for such GETs. */
  contentBytes(): number {
    return this.find({ method: "GET", path: /\/(?:manifests|blobs|cdn)\// }).reduce(
      (total, { bytes }) => total + bytes,
      0,
    );
  }
}
