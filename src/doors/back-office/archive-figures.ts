/** What was asked of the archive, by what it was, and how long that took. */
import type { StoreEvent } from "../../store/store-event.ts";
import { Counter, type Family, type SeriesBudget } from "./series.ts";

export class ArchiveFigures {
  readonly #calls: Counter<"operation" | "result">;
  readonly #seconds: Counter<"operation">;
  readonly #outages: Counter<never>;

  constructor(budget: SeriesBudget) {
    const counter = <L extends string>(name: string, help: string, ...labels: L[]) =>
      new Counter({ name, help }, labels, budget);
    this.#calls = counter(
      "archive_calls_total",
      "Calls of the archive by what they were and how they ended.",
      "operation",
      "result",
    );
    this.#seconds = counter(
      "archive_seconds_total",
      "Seconds that calls of the archive took, to their answer's beginning.",
      "operation",
    );
    this.#outages = counter("archive_outages_total", "Times that the archive was left alone.");
  }

  families(): readonly Family[] {
    return [this.#calls, this.#seconds, this.#outages];
  }

  note(event: StoreEvent): void {
    if (event.kind === "archiveLost") this.#outages.cell().value += 1;
    if (event.kind !== "archiveAsked") return;
    const result = event.error === undefined ? "ok" : "failed";
    this.#calls.cell(event.operation, result).value += 1;
    this.#seconds.cell(event.operation).value += event.milliseconds / 1_000;
  }
}
