/** What somebody changed here, told once it is done: the audit lines. */
export type HostedEvent = {
  readonly kind: "pushed" | "deleted";
  readonly what: "manifest" | "tag" | "blob";
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly digest: string;
  /** Undefined for one who did not log in. */
  readonly user: string | undefined;
  readonly client: string;
};

export type ObserveHosted = (event: HostedEvent) => void;
