/** The built program as a child process that can be killed, measured and started again on its port. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "../../../support/free-port.ts";
import { type Environment, Service } from "../../support/program.ts";

const main = join(import.meta.dirname, "../../../../dist/app/main.js");
const loopDelay = join(import.meta.dirname, "loop-delay-main.ts");

export class Stressed {
  readonly port: number;
  readonly dataDir: string;
  readonly #service: Service;
  readonly #began = performance.now();
  #readyMs = Number.NaN;

  private constructor(port: number, dataDir: string, service: Service) {
    this.port = port;
    this.dataDir = dataDir;
    this.#service = service;
  }

  /** Spawned as `npm start` does it, not yet ready. Ends with the test. */
  static spawn(folder: string, port: number, env: Environment): Stressed {
    const dataDir = join(folder, "data");
    const service = new Service(
      process.execPath,
      ["--max-semi-space-size=8", "--v8-pool-size=1", main],
      {
        env: {
          HOME: folder,
          HOST: "127.0.0.1",
          PORT: String(port),
          ADMIN_PORT: "0",
          DATA_DIR: dataDir,
          LOG_FORMAT: "json",
          LOG_LEVEL: "warn",
          ...env,
        },
        cwd: folder,
      },
    );
    onTestFinished(() => service.kill());
    return new Stressed(port, dataDir, service);
  }

  static async start(folder: string, env: Environment): Promise<Stressed> {
    const stressed = Stressed.spawn(folder, await freePort(), env);
    await stressed.ready();
    return stressed;
  }

  /** The environment that makes a program tell how late its timers are, to `loopDelay`. */
  static watched(folder: string): Environment {
    return {
      NODE_OPTIONS: `--import=${loopDelay}`,
      ENTREPOT_TEST_LOOP_DELAY: join(folder, "loop-delay.json"),
    };
  }

  /** Resolves with the milliseconds since it was spawned. */
  async ready(): Promise<number> {
    const ready = async () => (await fetch(`http://127.0.0.1:${this.port}/readyz`)).ok;
    await this.#service.ready(ready);
    this.#readyMs = performance.now() - this.#began;
    return this.#readyMs;
  }

  /** What `ready` resolved with. */
  get readyMs(): number {
    return this.#readyMs;
  }

  get pid(): number {
    return this.#service.pid;
  }

  get lines(): readonly string[] {
    return this.#service.lines;
  }

  get isRunning(): boolean {
    return this.#service.isRunning;
  }

  async readiness(): Promise<{ readonly status: string; readonly reasons: readonly string[] }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`);
    return (await answer.json()) as Awaited<ReturnType<Stressed["readiness"]>>;
  }

  /** PEM of its authority. */
  async trust(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/ca.crt`)).text();
  }

  /** Resident memory in MiB: now, and the most it ever was. */
  async memory(): Promise<{ readonly now: number; readonly most: number }> {
    const status = await readFile(`/proc/${this.#service.pid}/status`, "utf8");
    const read = (field: string): number =>
      Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) / 1_024;
    return { now: read("VmRSS"), most: read("VmHWM") };
  }

  /** Open files and sockets. */
  async descriptors(): Promise<number> {
    return (await readdir(`/proc/${this.#service.pid}/fd`)).length;
  }

  /** How late timers were since the last call, in milliseconds; of a program started `watched`. */
  async loopDelay(
    folder: string,
  ): Promise<{ readonly p50: number; readonly p99: number; readonly max: number }> {
    const file = join(folder, "loop-delay.json");
    const before = await readFile(file, "utf8").catch(() => "");
    process.kill(this.#service.pid, "SIGUSR2");
    for (;;) {
      const text = await readFile(file, "utf8").catch(() => "");
      if (text !== before && text.endsWith("\n")) return JSON.parse(text);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  stop(): Promise<number> {
    return this.#service.stop(40_000);
  }

  kill(): Promise<void> {
    return this.#service.kill();
  }
}
