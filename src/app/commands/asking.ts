/**
 * Commands that ask the server on this machine, or where none runs read what it left: small and quick
 * to start, so they know no settings but the data folder. 0 all is well, 1 it failed or something was
 * found, 2 used in a wrong way, 3 no server.
 */
import { Command, CommanderError } from "commander";
import { AskError, type Asked, askServer } from "./control.ts";
import { printExplanation, printImage, printImages, printStats } from "./printing.ts";

const [failed, wrongUse, noServer] = [1, 2, 3];

type Output = Pick<NodeJS.Process, "stdout" | "stderr" | "stdin" | "env">;

type Flags = { readonly dataDir?: string; readonly json?: boolean };

/** `args` begin with the command. Resolves with the exit code; never rejects. */
export async function runAsking(args: readonly string[], process: Output): Promise<number> {
  const fail = (sentence: string): void => void process.stderr.write(`entrepot: ${sentence}\n`);
  const commands = new Asking(process);
  try {
    return await commands.run(args);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      fail(error.message.replace(/^error: /, ""));
      return wrongUse;
    }
    if (error instanceof AskError) {
      fail(error.message);
      return error.code === "NO_SERVER" ? noServer : failed;
    }
    throw error;
  }
}

class Asking {
  readonly #process: Output;
  #exitCode = 0;

  constructor(process: Output) {
    this.#process = process;
  }

  async run(args: readonly string[]): Promise<number> {
    await this.#declare().parseAsync(args, { from: "user" });
    return this.#exitCode;
  }

  #declare(): Command {
    const program = new Command("entrepot").exitOverride().configureOutput({
      writeErr: () => undefined,
      writeOut: (text) => void this.#process.stdout.write(text),
    });
    // Flags are those of its commands.
    const images = program.command("images").description("the images that were asked for");
    this.#added(images, "ls [words...]", "list them, those pulled last first")
      .option("--limit <count>", "so many at most", "50")
      .option("--sort <by>", "last, name or pulls", "last")
      .action((words: string[], flags: Flags & { limit: string; sort: string }) => {
        const query = new URLSearchParams({
          search: words.join(" "),
          limit: flags.limit,
          sort: flags.sort,
        });
        return this.#tell(flags, {
          path: `images?${query}`,
          offline: "images",
          print: printImages,
        });
      });
    this.#added(images, "show <image>", "one of them, with its blobs").action(
      (name: string, flags: Flags) => {
        const path = `image?${new URLSearchParams({ name })}`;
        return this.#tell(flags, { path, offline: "image", print: printImage });
      },
    );
    this.#added(program, "stats", "what went through in the last day and month").action(
      (flags: Flags) => this.#tell(flags, { path: "stats", offline: "stats", print: printStats }),
    );
    this.#added(program, "explain <image>", "what a pull of it would do now, and why").action(
      (name: string, flags: Flags) => {
        const path = `explain?${new URLSearchParams({ name })}`;
        return this.#tell(flags, { path, print: printExplanation });
      },
    );
    this.#added(
      program,
      "dashboard",
      "a link that opens the dashboard once, within a minute",
    ).action((flags: Flags) => this.#dashboard(flags));
    this.#added(program, "top", "what goes on, until it is stopped").action(
      async (flags: Flags) => {
        const { top } = await import("./top.ts");
        this.#exitCode = await top(this.#asked(flags), {
          ...this.#process,
          isJson: flags.json === true,
        });
      },
    );
    return program;
  }

  #added(parent: Command, name: string, description: string): Command {
    const command = parent.command(name).description(description);
    return command
      .option("--data-dir <path>", "the folder the server keeps its data in (DATA_DIR)")
      .option("--json", "as JSON");
  }

  #asked({ dataDir }: Flags): Asked {
    return { dataDir: dataDir ?? this.#process.env.DATA_DIR };
  }

  async #tell(flags: Flags, question: Question): Promise<void> {
    const asked = this.#asked(flags);
    const value = await this.#answer(asked, question);
    const columns = this.#process.stdout.isTTY ? this.#process.stdout.columns : undefined;
    const text = flags.json === true ? JSON.stringify(value) : question.print(value, columns);
    this.#process.stdout.write(`${text}\n`);
  }

  async #answer(asked: Asked, { path, offline }: Question): Promise<unknown> {
    try {
      return await askServer(asked, `/api/v1/${path}`);
    } catch (error) {
      const isAlone = error instanceof AskError && error.code === "NO_SERVER";
      if (!isAlone || offline === undefined) throw error;
      const { readOffline } = await import("./offline.ts");
      return await readOffline(asked, path);
    }
  }

  async #dashboard(flags: Flags): Promise<void> {
    const asked = this.#asked(flags);
    const link = (await askServer(asked, "/api/v1/links", {})) as { path: string; url?: string };
    const text = flags.json === true ? JSON.stringify(link) : `${link.url ?? ""}${link.path}`;
    this.#process.stdout.write(`${text}\n`);
  }
}

type Question = {
  readonly path: string;
  /** What is read of the data folder where no server runs; undefined where only a server knows. */
  readonly offline?: "images" | "image" | "stats";
  readonly print: (value: unknown, columns: number | undefined) => string;
};
