/** What the back office needs of the program; compose passes an object that fits. */
import type { Digest } from "../../protocol/digest.ts";

/** A download that is under way. */
export type DownloadNow = {
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
  readonly written: number;
  /** Undefined while the registry has not said. */
  readonly size: number | undefined;
  readonly readers: number;
};

export type KeptNow = {
  readonly bytes: number;
  readonly limit: number;
  readonly blobs: number;
  /** Whether the disk takes what it is given. */
  readonly isWritable: boolean;
  /** Bytes that may not go, by what holds them. */
  readonly held: Readonly<Record<string, number>>;
};

export type DiskNow = {
  readonly free: number;
  readonly total: number;
  readonly mustStayFree: number;
};

export type HealthNow = {
  /** Stopped: a command looks at what a server left. */
  readonly phase: "starting" | "running" | "stopping" | "stopped";
  /** Sentences. */
  readonly degraded: readonly string[];
};

/** What is so now. Nothing here waits for a network. */
export interface House {
  health(): HealthNow;
  requestsInFlight(): Readonly<Record<string, number>>;
  /** Where clients reach the proxy, as a URL without a path. */
  clientUrl(): string;
  /** What it was started with beside the defaults, a line each; no secrets. */
  settings(): readonly string[];
  /** Where a browser finds the dashboard, without a path; undefined without a port. */
  dashboardUrl(): string | undefined;
  /** Open connections by listener. */
  connections(): Promise<Readonly<Record<string, number>>>;
  downloads(): readonly DownloadNow[];
  kept(): KeptNow;
  /** Undefined where there is no such limit, or the disk does not say. */
  disk(): Promise<DiskNow | undefined>;
  /** What would be forgotten first if room were needed; `usedAt` in milliseconds since 1970. */
  nextToGo(): readonly {
    readonly digest: string;
    readonly size: number;
    readonly usedAt: number;
  }[];
  /** When certificates end, in milliseconds since 1970, by name. */
  certificates(): ReadonlyMap<string, number>;
  /** Whether the settings were taken up when they were read last. */
  isReloaded(): boolean;
  readonly build: { readonly version: string; readonly commit: string; readonly node: string };
}
