/** DNS kept by a command of the operator's, called as `command set|unset NAME VALUE`. */
import type { DnsProvider } from "./dns-challenges.ts";

/** Runs a command without a shell; resolves with how it ended and the end of what it printed. */
export type RunCommand = (
  command: readonly string[],
  signal?: AbortSignal,
) => Promise<{ readonly code: number; readonly output: string }>;

export class CommandProvider implements DnsProvider {
  readonly #command: readonly string[];
  readonly #run: RunCommand;

  /** Words are parted by blanks; the first is the program. */
  constructor(command: string, run: RunCommand) {
    this.#command = command.trim().split(/\s+/);
    this.#run = run;
  }

  set(name: string, value: string, signal: AbortSignal): Promise<void> {
    return this.#call("set", [name, value], signal);
  }

  unset(name: string, value: string): Promise<void> {
    return this.#call("unset", [name, value]);
  }

  async #call(verb: string, record: readonly string[], signal?: AbortSignal): Promise<void> {
    const { code, output } = await this.#run([...this.#command, verb, ...record], signal);
    if (code === 0) return;
    const words = output.trim().split("\n").at(-1) ?? "";
    throw new Error(`${this.#command[0]} ${verb} ended with ${code}${words && `: ${words}`}`);
  }
}
