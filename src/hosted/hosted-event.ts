/** What somebody changed here, told once it is done: the audit lines. */
export type HostedEvent =
  | Changed
  | Collected
  | { readonly kind: "pullsUnwritten"; readonly error: unknown }
  /** A stop could not write down which uploads are under way: their clients begin anew. */
  | { readonly kind: "uploadsUnwritten"; readonly error: unknown };

type Collected = {
  readonly kind: "collected";
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
  /** That are free now, and that are the cache's again. */
  readonly bytes: number;
  readonly returned: number;
  /** Repositories that were left alone. */
  readonly skipped: number;
};

export type Changed = {
  readonly kind: "pushed" | "deleted";
  readonly what: "manifest" | "tag" | "blob";
  /** As it was called by whoever changed it. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly digest: string;
  /** Undefined for one who did not log in. */
  readonly user: string | undefined;
  readonly client: string;
};

export type ObserveHosted = (event: HostedEvent) => void;
