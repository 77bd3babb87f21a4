/** What happened in the doors, the cache and the store, as numbers. */
import type { CacheEvent } from "../../cache/cache-event.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { StoreEvent } from "../../store/store-event.ts";
import type { DoorEvent } from "../door-event.ts";
import { Counter, type Family, type RegistryLabels, type SeriesBudget } from "./series.ts";

type Job = "scrub" | "evict";

type HouseFiguresOptions = {
  readonly budget: SeriesBudget;
  readonly labels: RegistryLabels;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

export class HouseFigures {
  readonly #options: HouseFiguresOptions;
  readonly refused: Counter<"reason">;
  readonly #resumes: Counter<"registry">;
  readonly #downloads: Counter<"result">;
  readonly #evictions: Counter<never>;
  readonly #evictedBytes: Counter<never>;
  readonly #corrupt: Counter<never>;
  readonly #storeErrors: Counter<"operation">;
  readonly #recordCalls: Counter<"operation">;
  readonly #recordErrors: Counter<"operation">;
  readonly #recordSeconds: Counter<"operation">;
  readonly #tagMoves: Counter<"registry">;
  readonly #tunnel: Counter<"direction">;
  readonly #jobs: Counter<"job" | "result">;
  readonly #audit: Counter<never>;
  readonly #jobTimes = new Map<Job, number>();
  readonly #certificates = new Map<string, number>();
  /** Passed on and not kept ends without a word; so many of those are enough. */
  readonly #underway = new BoundedMap<string, true>({ limit: 10_000 });
  #lastEvictedAge: number | undefined;

  constructor(options: HouseFiguresOptions) {
    this.#options = options;
    const counter = <L extends string>(name: string, help: string, ...labels: L[]) =>
      new Counter({ name, help }, labels, options.budget);
    this.refused = counter("refused_total", "Requests and connections turned away.", "reason");
    this.#resumes = counter(
      "download_resumes_total",
      "Downloads that a registry broke off and that went on.",
      "registry",
    );
    this.#downloads = counter("downloads_total", "Downloads by how they ended.", "result");
    this.#evictions = counter("evictions_total", "Blobs forgotten to make room.");
    this.#evictedBytes = counter("evicted_bytes_total", "Bytes of blobs forgotten to make room.");
    this.#corrupt = counter(
      "corrupt_blobs_total",
      "Kept blobs whose bytes were not those of their digest.",
    );
    this.#storeErrors = counter(
      "store_errors_total",
      "Reads and writes of the data folder that failed.",
      "operation",
    );
    const ofRecords = (name: string, help: string) =>
      counter(`records_${name}_total`, `${help} Redis or PostgreSQL.`, "operation");
    this.#recordCalls = ofRecords("calls", "Questions about records to");
    this.#recordErrors = ofRecords(
      "errors",
      "Those that failed, of the questions about records to",
    );
    this.#recordSeconds = ofRecords("seconds", "Seconds spent on questions about records to");
    this.#tagMoves = counter(
      "tag_moves_total",
      "Tags that a registry moved to another image.",
      "registry",
    );
    this.#tunnel = counter(
      "tunnel_bytes_total",
      "Bytes through tunnels, from clients and to them.",
      "direction",
    );
    this.#jobs = counter(
      "job_runs_total",
      "Runs of what works in the background.",
      "job",
      "result",
    );
    this.#audit = counter("audit_lost_total", "Lines of the audit log that could not be written.");
    // What has no labels is there from the start, as 0.
    for (const one of [this.#evictions, this.#evictedBytes, this.#corrupt, this.#audit]) one.cell();
  }

  families(): readonly Family[] {
    return [
      ...[this.refused, this.#resumes, this.#downloads, this.#evictions, this.#evictedBytes],
      ...[this.#corrupt, this.#storeErrors, this.#recordCalls, this.#recordErrors],
      ...[this.#recordSeconds, this.#tagMoves, this.#tunnel, this.#jobs, this.#audit],
    ];
  }

  /** When each job last went well, in milliseconds since 1970. */
  get jobTimes(): ReadonlyMap<string, number> {
    return this.#jobTimes;
  }

  /** When the TLS listener's certificates end, by their names. */
  get certificates(): ReadonlyMap<string, number> {
    return this.#certificates;
  }

  /** Milliseconds for which the blob evicted last had not been used. */
  get lastEvictedAge(): number | undefined {
    return this.#lastEvictedAge;
  }

  noteDoor(event: DoorEvent): void {
    switch (event.kind) {
      case "refused":
        this.refused.cell(event.why ?? "policy").value += 1;
        return;
      case "flooded":
        this.refused.cell("limit").value += 1;
        return;
      case "turnedAway":
        this.refused.cell("limit").value += event.connections;
        return;
      case "tunnelClosed":
        this.#tunnel.cell("from_client").value += event.sent;
        this.#tunnel.cell("to_client").value += event.received;
        return;
      case "certificateTaken":
        this.#certificates.set(event.names, event.until);
        return;
      default:
        return;
    }
  }

  noteCache(event: CacheEvent): void {
    switch (event.kind) {
      case "downloadResumed":
        this.#resumes.cell(this.#options.labels.of(event.registry)).value += 1;
        return;
      case "downloadStarted":
        this.#underway.set(event.digest, true);
        return;
      case "blobStored":
        // Manifests are stored without a download.
        if (this.#underway.delete(event.digest)) this.#downloads.cell("complete").value += 1;
        return;
      case "downloadSetAside":
        this.#underway.delete(event.digest);
        return;
      case "downloadFailed":
        this.#underway.delete(event.digest);
        this.#downloads.cell(isMismatch(event.error) ? "mismatch" : "aborted").value += 1;
        return;
      case "blobEvicted":
        this.#evictions.cell().value += 1;
        this.#evictedBytes.cell().value += event.size;
        this.#lastEvictedAge = Math.max(0, this.#options.now() - event.usedAt);
        return;
      case "blobCorrupted":
        if (event.foundBy !== "download") this.#corrupt.cell().value += 1;
        return;
      case "tagMoved":
        this.#tagMoves.cell(this.#options.labels.of(event.registry)).value += 1;
        return;
      default:
        this.#noteTrouble(event);
    }
  }

  noteStore(event: StoreEvent): void {
    if (event.kind === "syncFailed") this.#storeErrors.cell("sync").value += 1;
    if (event.kind === "blobsPassedOver") this.#storeErrors.cell("list").value += 1;
    if (event.kind === "recordsLost") this.#storeErrors.cell("records").value += 1;
    if (event.kind === "blobQuarantined") this.#corrupt.cell().value += 1;
    if (event.kind === "recordsAsked") this.#noteAsked(event);
  }

  #noteAsked({ operation, milliseconds, error }: Extract<StoreEvent, { kind: "recordsAsked" }>) {
    this.#recordCalls.cell(operation).value += 1;
    this.#recordSeconds.cell(operation).value += milliseconds / 1_000;
    if (error !== undefined) this.#recordErrors.cell(operation).value += 1;
  }

  #noteTrouble(event: CacheEvent): void {
    if (event.kind === "diskFailed") this.#storeErrors.cell("disk").value += 1;
    if (event.kind === "recordsFailed") this.#storeErrors.cell("records").value += 1;
    if (event.kind === "scrubFinished") this.#ran("scrub", event.corrupted === 0);
    if (event.kind === "evictionFinished") this.#ran("evict", event.missing === 0);
  }

  #ran(job: Job, isWell: boolean): void {
    this.#jobs.cell(job, isWell ? "ok" : "failed").value += 1;
    if (isWell) this.#jobTimes.set(job, this.#options.now());
  }
}

function isMismatch(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "WRONG_DIGEST" || code === "WRONG_LENGTH";
}
