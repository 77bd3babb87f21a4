/** Everything that was asked of the journey's registries, written down as it was answered. */

export type LedgerEntry = {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  status: number;
  /** Body bytes sent. */
  bytes: number;
  readonly hasAuthorization: boolean;
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
