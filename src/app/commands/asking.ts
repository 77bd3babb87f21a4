/**
 * Commands that ask the server on this machine, or where none runs what it left: small and quick to
 * start, so they know no settings but the data folder. What more they need is loaded when it is.
 */
import { Command, CommanderError } from "commander";
import { addCarrying } from "./carry/commands.ts";
import {
  AskError,
  type AskErrorCode,
  answerOf,
  askServer,
  dataFolder,
  type ServerAsked,
  type ServerQuestion,
  socketIn,
} from "./control.ts";
import type { HealthPlace } from "./health.ts";
import type { Printed } from "./printers.ts";
import type { GarbageFlags, RemoveFlags } from "./removing.ts";

/** Beside 0, all is well, and 78, the settings have to change. */
const exitCodes: Readonly<Record<AskErrorCode, number>> = {
  FAILED: 1,
  WRONG_USE: 2,
  NO_SERVER: 3,
  NOT_ALLOWED: 4,
};

type Output = Pick<NodeJS.Process, "stdout" | "stderr" | "stdin" | "env">;

type Flags = {
  readonly dataDir?: string;
  readonly config?: string;
  readonly envFile?: string;
  readonly json?: boolean;
};
type HealthFlags = Flags & {
  readonly host?: string;
  readonly port?: string;
  readonly wait?: string;
};

/** `args` begin with the command. Resolves with the exit code; never rejects. */
export async function runAsking(args: readonly string[], process: Output): Promise<number> {
  const fail = (sentence: string): void => void process.stderr.write(`entrepot: ${sentence}\n`);
  const commands = new Asking(process);
  try {
    return await commands.run(args);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof AskError) {
      fail(error.message);
      return exitCodes[error.code];
    }
    const { describeFailure } = await import("../failure.ts");
    const { lines, exitCode } = describeFailure(await commands.understood(error, args));
    for (const line of lines) fail(line);
    return exitCode;
  }
}

export class Asking {
  readonly #process: Output;
  readonly #program: Command;
  #exitCode = 0;

  constructor(process: Output) {
    this.#process = process;
    this.#program = this.#declare();
  }

  /** The commands with their words and flags. */
  get program(): Command {
    return this.#program;
  }

  async run(args: readonly string[]): Promise<number> {
    await this.#program.parseAsync(args, { from: "user" });
    return this.#exitCode;
  }

  /** What commander says of wrong arguments, as a sentence. */
  async understood(error: unknown, args: readonly string[]): Promise<unknown> {
    if (!(error instanceof CommanderError)) return error;
    const { wrongArguments } = await import("../wrong-arguments.ts");
    return wrongArguments(error, args, this.#program);
  }

  #declare(): Command {
    const program = new Command("entrepot").exitOverride().configureOutput({
      writeErr: () => undefined,
      writeOut: (text) => void this.#process.stdout.write(text),
    });
    // Flags are those of its commands.
    const images = program.command("images").description("the images that are kept");
    this.#added(images, "ls [words...]", "list them, those pulled last first")
      .option("--limit <count>", "so many at most", "50")
      .option("--sort <by>", "last, name or pulls", "last")
      .action(
        (words: string[], { limit, sort, ...flags }: Flags & Record<"limit" | "sort", string>) => {
          const query = new URLSearchParams({ search: words.join(" "), limit, sort });
          return this.#tell(flags, { path: `images?${query}` }, "images");
        },
      );
    this.#added(images, "show <image>", "one of them, with its blobs").action(
      (name: string, flags: Flags) => this.#tell(flags, { path: `image?${named(name)}` }, "image"),
    );
    this.#added(program, "stats", "what went through in the last day and month").action(
      (flags: Flags) => this.#tell(flags, { path: "stats" }, "stats"),
    );
    this.#added(program, "explain <image>", "what a pull of it would do now, and why").action(
      (name: string, flags: Flags) =>
        this.#tell(flags, { path: `explain?${named(name)}` }, "explanation"),
    );
    this.#added(program, "health", "whether the server on this machine is ready")
      .option("--host <address>", "where it listens, if not by the data folder (HOST)")
      .option("--port <port>", "its port (PORT)")
      .option("--wait <seconds>", "ask again until it is ready, for so long")
      .action((flags: HealthFlags) => this.#health(flags));
    const link = "a link that opens the dashboard once, within a minute";
    this.#added(program, "dashboard", link).action((flags: Flags) => this.#dashboard(flags));
    this.#added(program, "top", "what goes on, until it is stopped").action(
      async (flags: Flags) => {
        const { top } = await import("./top.ts");
        this.#exitCode = await top(this.#asked(flags), {
          ...this.#process,
          isJson: flags.json === true,
        });
      },
    );
    this.#addRemovals(program, images);
    addCarrying((name, description) => this.#added(images, name, description), {
      ...{ asked: (flags) => this.#asked(flags), terminal: this.#process },
      ended: (code) => (this.#exitCode = code),
    });
    this.#addBackups(program);
    return program;
  }

  #addRemovals(program: Command, images: Command): void {
    this.#added(images, "rm <image>", "remove one, by tag or digest, or a whole repository")
      .option("--yes", "without asking, also what was pushed here")
      .action(async (name: string, flags: Flags & RemoveFlags) => {
        const { printRemoval, remove } = await import("./removing.ts");
        const ask = (question: ServerQuestion) => this.#answer(this.#asked(flags), question);
        const removal = await remove(name, flags, this.#process, ask);
        this.#print(flags.json === true ? JSON.stringify(removal) : printRemoval(name, removal));
      });
    this.#added(program, "gc", "free what nobody needs of what was pushed here")
      .option("--dry-run", "only say what would go, and why")
      .option("--untagged-after <time>", "images without a tag go too, after so long: 7d")
      .action(async (flags: Flags & GarbageFlags) => {
        const { garbageQuestion } = await import("./removing.ts");
        await this.#tell(flags, garbageQuestion(flags), "garbage");
      });
  }

  #addBackups(program: Command): void {
    const dataDir = [
      "--data-dir <path>",
      "the folder the server keeps its data in (DATA_DIR)",
    ] as const;
    program
      .command("backup <folder>")
      .description(
        "what was pushed here and the keys, into a new folder; a server may go on meanwhile",
      )
      .option(...dataDir)
      .action(async (to: string, flags: Flags) => {
        const { backUp } = await import("./backup.ts");
        this.#exitCode = await backUp(this.#asked(flags), to, this.#process);
      });
    program
      .command("restore <folder>")
      .description("make an empty data folder what the backup was taken of; no server may have it")
      .option(...dataDir)
      .action(async (from: string, flags: Flags) => {
        const { restore } = await import("./restore.ts");
        this.#exitCode = await restore(this.#asked(flags), from, this.#process);
      });
  }

  #added(parent: Command, name: string, description: string): Command {
    const command = parent.command(name).description(description);
    return command
      .option("--data-dir <path>", "the folder the server keeps its data in (DATA_DIR)")
      .option("--config <file>", "its other settings (CONFIG_FILE)")
      .option("--env-file <file>", "its other settings, as variables")
      .option("--json", "as JSON");
  }

  #asked({ dataDir, config, envFile }: Flags): ServerAsked {
    return { dataDir, settingsFile: config, envFile, environment: this.#process.env };
  }

  async #health(flags: HealthFlags): Promise<void> {
    const { checkHealth } = await import("./health.ts");
    this.#exitCode = await checkHealth({
      place: await this.#healthPlace(flags),
      isJson: flags.json === true,
      wait: secondsOf(flags.wait) * 1_000,
      print: (line) => this.#print(line),
      fail: (sentence) => void this.#process.stderr.write(`entrepot: ${sentence}\n`),
    });
  }

  /** Where the settings say it listens, or else the socket in its data folder. */
  async #healthPlace({ host, port, ...flags }: HealthFlags): Promise<HealthPlace> {
    const asked = this.#asked(flags);
    const { HOST, PORT, CONFIG_FILE } = this.#process.env;
    const isSaid = [host, port, HOST, PORT, CONFIG_FILE, flags.config, flags.envFile].some(Boolean);
    if (!isSaid) return { socketPath: socketIn(dataFolder(asked)) };
    const { settingsIn } = await import("./settings-in.ts");
    const said = [
      ...(host ? [["HOST", host] as const] : []),
      ...(port ? [["PORT", port] as const] : []),
    ];
    return (await settingsIn(asked, said)).listen;
  }

  async #tell(flags: Flags, question: ServerQuestion, kind: Printed): Promise<void> {
    const value = await this.#answer(this.#asked(flags), question);
    this.#print(flags.json === true ? JSON.stringify(value) : await this.#printed(kind, value));
  }

  async #printed(kind: Printed, value: unknown): Promise<string> {
    const { printers } = await import("./printers.ts");
    const { stdout } = this.#process;
    return printers[kind](value, stdout.isTTY ? stdout.columns : undefined);
  }

  async #answer(asked: ServerAsked, question: ServerQuestion): Promise<unknown> {
    try {
      return await askServer(asked, question);
    } catch (error) {
      if (!(error instanceof AskError) || error.code !== "NO_SERVER") throw error;
      const { askInProcess } = await import("./in-process.ts");
      return answerOf(await askInProcess(asked, question));
    }
  }

  async #dashboard(flags: Flags): Promise<void> {
    const link = (await askServer(this.#asked(flags), { path: "links", body: {} })) as {
      readonly path: string;
      readonly url?: string;
    };
    this.#print(flags.json === true ? JSON.stringify(link) : `${link.url ?? ""}${link.path}`);
  }

  #print(text: string): void {
    this.#process.stdout.write(`${text}\n`);
  }
}

/** Throws AskError. */
function secondsOf(text = "0"): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new AskError("WRONG_USE", `--wait is "${text}"; write seconds, such as 30`);
}

function named(name: string): URLSearchParams {
  return new URLSearchParams({ name });
}
