/** Runs a command that the operator named in the settings, without a shell, and waits for its end. */
import { spawn } from "node:child_process";

export type CommandEnd = {
  readonly code: number;
  /** The end of what it printed, on either stream. */
  readonly output: string;
};

export type CommandOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds after which it is killed; 5 minutes. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

const kept = 4_096;

/** Never rejects: what cannot be run ends with code −1 and says why. */
export async function runOperatorCommand(
  [program = "", ...args]: readonly string[],
  { environment, timeout = 300_000, signal }: CommandOptions,
): Promise<CommandEnd> {
  const late = AbortSignal.timeout(timeout);
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment },
    signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-kept);
    });
  }
  return new Promise((resolve) => {
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = error;
      if (child.pid === undefined) resolve({ code: -1, output: error.message });
    });
    child.once("close", (code) => {
      const words = late.aborted ? `no end after ${timeout / 1_000} s` : failure?.message;
      resolve({ code: code ?? -1, output: words === undefined ? output : `${output}\n${words}` });
    });
  });
}
