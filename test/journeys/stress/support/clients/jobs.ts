/** What the process with the clients is told, and what it tells: plain data over its IPC channel. */

export type WayJob = {
  readonly port: number;
  /** CONNECT to this first, and speak TLS inside; left out, it is the mirror. */
  readonly authority?: string;
  /** PEM of whom to trust. */
  readonly trust?: string;
};

/** So many clients on one path in the same moment; all are connected before the first asks. */
export type HerdJob = WayJob & {
  readonly kind: "herd";
  readonly clients: number;
  readonly path: string;
};

/** So many clients that read the beginning of an answer and then no more, until the process ends. */
export type StopJob = WayJob & {
  readonly kind: "stop";
  readonly clients: number;
  readonly path: string;
};

export type MixedBlob = { readonly seed: string; readonly size: number; readonly digest: string };
export type MixedImage = { readonly tag: string; readonly digest: string };

/** So many clients that ask for anything again and again until they are told to stop. */
export type MixedJob = WayJob & {
  readonly kind: "mixed";
  readonly clients: number;
  readonly seed: number;
  readonly repository: string;
  readonly blobs: readonly MixedBlob[];
  readonly images: readonly MixedImage[];
  /** Bytes a second that a client reads; left out, as fast as it can. */
  readonly rate?: number | undefined;
};

export type Job = HerdJob | StopJob | MixedJob;

export type HerdReport = {
  readonly complete: number;
  /** Digest of what complete answers brought, and how many brought it. */
  readonly digests: Readonly<Record<string, number>>;
  /** Kinds of failure, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the request to the first byte of the body, in milliseconds. */
  readonly firstByte: { readonly p50: number; readonly p99: number };
  readonly seconds: number;
};

export type MixedReport = {
  readonly complete: number;
  readonly bytes: number;
  /** Complete answers with other bytes than asked for: what must never be. */
  readonly wrong: readonly string[];
  readonly failures: Readonly<Record<string, number>>;
};

export type Told =
  /** Every client of a herd has had its first byte. */
  | { readonly kind: "begun" }
  /** Every client of a stop job reads no more. */
  | { readonly kind: "stopped" }
  | { readonly kind: "herd"; readonly report: HerdReport }
  | { readonly kind: "mixed"; readonly report: MixedReport };
