/** Many clients in a process of their own, so that what they cost is not what is measured. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { HerdJob, HerdReport, Job, MixedJob, MixedReport, StopJob, Told } from "./jobs.ts";

const main = join(import.meta.dirname, "clients-main.ts");

type TellingOf<Kind extends Told["kind"]> = Extract<Told, { kind: Kind }>;

export class Clients {
  readonly #child: ChildProcess;
  readonly #told: Told[] = [];
  #news = Promise.withResolvers<void>();

  /** Ends with the test. */
  constructor() {
    this.#child = spawn(process.execPath, [main], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (told: Told) => {
      this.#told.push(told);
      this.#spread();
    });
    this.#child.once("exit", () => this.#spread());
    onTestFinished(() => this.close());
  }

  /** `onBegun` is called once every client has had its first byte. */
  async herd(job: Omit<HerdJob, "kind">, onBegun?: () => void): Promise<HerdReport> {
    this.#send({ kind: "herd", ...job });
    if (onBegun !== undefined) void this.#hear("begun").then(onBegun, () => undefined);
    return (await this.#hear("herd")).report;
  }

  /** Resolves when all of them have stopped reading; they stay so until `close`. */
  async stopped(job: Omit<StopJob, "kind">): Promise<void> {
    this.#send({ kind: "stop", ...job });
    await this.#hear("stopped");
  }

  /** They go on until `report` is asked for. */
  mixed(job: Omit<MixedJob, "kind">): void {
    this.#send({ kind: "mixed", ...job });
  }

  async report(): Promise<MixedReport> {
    this.#child.send("stop");
    return (await this.#hear("mixed")).report;
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  #send(job: Job): void {
    this.#child.send(job);
  }

  async #hear<Kind extends Told["kind"]>(kind: Kind): Promise<TellingOf<Kind>> {
    for (;;) {
      const told = this.#told.find((each): each is TellingOf<Kind> => each.kind === kind);
      if (told !== undefined) return told;
      if (this.#hasEnded) throw new Error("the process with the clients has ended");
      await this.#news.promise;
    }
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #spread(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
