/** A real S3 server, versitygw over a folder, where it was built (scripts/install-journey-parts.sh). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { standStill } from "./stand-still.ts";

const program = join(homedir(), ".cache/entrepot-journeys/versitygw");

export const hasVersity = isThere(program);

export type VersityLogin = { readonly accessKey: string; readonly secretKey: string };

export class Versity {
  readonly port: number;
  readonly #folder: string;
  readonly #login: VersityLogin;
  #child: ChildProcess | undefined;

  static async start(
    folder: string,
    login: VersityLogin,
    buckets: readonly string[] = ["images"],
  ): Promise<Versity> {
    const versity = new Versity(folder, login, await freePort());
    for (const bucket of buckets) await mkdir(join(folder, bucket), { recursive: true });
    await versity.run();
    return versity;
  }

  private constructor(folder: string, login: VersityLogin, port: number) {
    this.#folder = folder;
    this.#login = login;
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** At the same port, also after it was killed. */
  async run(): Promise<void> {
    const { accessKey, secretKey } = this.#login;
    const args = ["--access", accessKey, "--secret", secretKey, "--port", `127.0.0.1:${this.port}`];
    this.#child = spawn(program, [...args, "--quiet", "posix", this.#folder], { stdio: "ignore" });
    await eventually(() => answers(this.port));
  }

  async pause(): Promise<void> {
    if (this.#child?.pid !== undefined) await standStill(this.#child.pid);
  }

  goOn(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}
