/** The command line: commands and flags, the latter straight from the table of settings. */
import { readFile } from "node:fs/promises";
import { Command, CommanderError, Option } from "commander";
import { systemClock } from "../runtime/clock.ts";
import { readBuild } from "./build.ts";
import { askingCommands } from "./commands/asking-commands.ts";
import { type CaView, showCa } from "./commands/ca.ts";
import { checkConfig } from "./commands/config-check.ts";
import { serve } from "./commands/serve.ts";
import { Environment } from "./environment.ts";
import { describeFailure } from "./failure.ts";
import { takeGivenSockets } from "./given-sockets.ts";
import { formatItem, visibleOptions } from "./help.ts";
import { IdleMemory, ownMemory } from "./idle-memory.ts";
import { leave } from "./leave.ts";
import { createLog, openOutput } from "./log.ts";
import { settingOptions } from "./options.ts";
import { watchedPaths } from "./reload.ts";
import { type Loaded, loadSettings } from "./settings/load.ts";
import { describeSettings, secretsOf } from "./settings/redact.ts";
import { SettingsError } from "./settings/settings-error.ts";
import { wrongArguments } from "./wrong-arguments.ts";

/** Resolves with the exit code; never rejects. */
export async function runCommandLine(process: NodeJS.Process): Promise<number> {
  const program = new CommandLine(process);
  try {
    return await program.run();
  } catch (error) {
    const { lines, exitCode } = describeFailure(error);
    for (const line of lines) program.fail(line);
    return exitCode;
  }
}

type InitFlags = { readonly from?: string; readonly output: string; readonly yes?: boolean };

class CommandLine {
  readonly #process: NodeJS.Process;
  readonly #program: Command;
  readonly #environment: Environment;
  #exitCode = 0;

  constructor(process: NodeJS.Process) {
    this.#process = process;
    this.#environment = new Environment(process.env);
    this.#program = this.#declare();
  }

  async run(): Promise<number> {
    try {
      await this.#program.parseAsync(this.#process.argv);
      return this.#exitCode;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      // --help and --version end here too.
      if (error.exitCode === 0) return 0;
      throw wrongArguments(error, this.#process.argv.slice(2), this.#program);
    }
  }

  fail(sentence: string): void {
    this.#process.stderr.write(`entrepot: ${sentence}\n`);
  }

  #declare(): Command {
    const program = new Command("entrepot")
      .description("A caching forward proxy for container registries.")
      .version(readBuild().version, "-v, --version", "print the version")
      .helpOption("-h, --help", "print this help")
      .addHelpText(
        "after",
        "\nEvery setting is a flag, a variable or a key of a file: entrepot serve --help",
      )
      // Their own help says what words and flags they take.
      .configureHelp({ formatItem, visibleOptions, subcommandTerm: (command) => command.name() })
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    program.addOption(
      new Option("--config <file>", "YAML file with settings (CONFIG_FILE)").helpGroup("Settings:"),
    );
    program.addOption(
      new Option(
        "--env-file <file>",
        "file with a NAME=value on each line; what the environment has goes first",
      ).helpGroup("Settings:"),
    );
    for (const option of settingOptions()) program.addOption(option);
    program
      .command("serve", { isDefault: true })
      .description("serve until told to stop (what happens without a command)")
      .action(this.#running(() => this.#serve()));
    this.#declareSettings(program);
    for (const { name, description } of askingCommands) {
      program
        .command(`${name} [words...]`)
        .description(description)
        .allowUnknownOption()
        .action((words: readonly string[]) => this.#ask(name, words));
    }
    return program;
  }

  /** Commands about the settings and what follows from them alone. */
  #declareSettings(program: Command): void {
    program
      .command("init")
      .description("write a settings file, by asking or from a set-up that is replaced")
      .option("--from <file>", "env file, compose file, CONFIG list or squid.conf of that set-up")
      .option("--output <file>", "where the settings go", "entrepot.yaml")
      .option("--yes", "ask nothing, and take what is usual")
      .action((flags: InitFlags) => this.#init(flags));
    program
      .command("doctor")
      .description("look at all that has to be right, and say how the rest is mended")
      .option("--json", "as JSON")
      .action(({ json = false }: { readonly json?: boolean }) =>
        this.#running(() => this.#doctor(json))(),
      );
    program
      .command("config")
      .description("look at the settings")
      .command("check")
      .description("read the settings as a start would, and show what differs from the defaults")
      .action(this.#running(() => this.#checkConfig()));
    const ca = program.command("ca").description("the certificate that clients have to trust");
    for (const [name, description] of [
      ["show", "say whose it is, until when it is good, and which one is next"],
      ["fingerprint", "print its SHA-256"],
      ["print", "print it, as PEM"],
    ] as const) {
      ca.command(name)
        .description(description)
        .action(this.#running(() => this.#showCa(name)));
    }
    ca.command("rotate")
      .description("make the next one, for clients to trust beside it")
      .option("--switch", "the next one signs from now on, and the one before is no more")
      .action(({ switch: isSwitch = false }: { readonly switch?: boolean }) =>
        this.#running(() => this.#rotateCa(isSwitch))(),
      );
  }

  #running(work: () => Promise<number>): () => Promise<void> {
    return async () => {
      this.#exitCode = await work();
    };
  }

  /** Flags of the whole command line may stand before the command. */
  async #ask(name: string, words: readonly string[]): Promise<void> {
    const { runAsking } = await import("./commands/asking.ts");
    const flags = this.#program.opts<Readonly<Record<string, string>>>();
    const taken = name === "health" ? [...ofAll, "host", "port"] : ofAll;
    const given = taken.flatMap((flag) => {
      const value = flags[flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
      return value === undefined ? [] : [`--${flag}`, value];
    });
    this.#exitCode = await runAsking([name, ...words, ...given], this.#process);
  }

  async #init({ from, output, yes = false }: InitFlags): Promise<void> {
    const { init } = await import("./commands/init/init.ts");
    const { stdin, stdout } = this.#process;
    const isTerminal = stdin.isTTY && stdout.isTTY;
    const live = { environment: this.#process.env };
    const ask = { from, output, isYes: yes, isTerminal, live, print: this.#print };
    this.#exitCode = await init(ask);
  }

  async #doctor(isJson: boolean): Promise<number> {
    const { doctor } = await import("./commands/doctor/doctor.ts");
    const { env, stdout } = this.#process;
    return await doctor({
      load: () => this.#load(),
      environment: env,
      now: Date.now,
      hasColours: stdout.isTTY && stdout.hasColors(),
      isJson,
      print: this.#print,
    });
  }

  readonly #print = (line: string): void => {
    this.#process.stdout.write(`${line}\n`);
  };

  async #load(): Promise<Loaded> {
    const flags = this.#program.opts<Readonly<Record<string, string>>>();
    const { files, warnings } = await this.#environment.read(flags.envFile);
    const { env } = this.#process;
    const loaded = await loadSettings({
      flags: new Map(
        settingOptions().flatMap((option) => {
          const value = flags[option.attributeName()];
          return value === undefined ? [] : [[option.setting, value] as const];
        }),
      ),
      environment: env,
      settingsFile: flags.config ?? (env.CONFIG_FILE || undefined),
      readFile: (path) => readFile(path, "utf8"),
    });
    return {
      ...loaded,
      warnings: [...warnings, ...loaded.warnings],
      files: [...files, ...loaded.files],
    };
  }

  /** With what a start needs besides. Throws SettingsError. */
  async #loadToStart(): Promise<Loaded> {
    const loaded = await this.#load();
    const { startProblems } = await import("./compose/start-problems.ts");
    const problems = await startProblems(loaded.settings, Date.now);
    if (problems.length > 0) throw new SettingsError(problems);
    return loaded;
  }

  #checkConfig(): Promise<number> {
    const describe = async () => {
      const loaded = await this.#loadToStart();
      return { lines: describeSettings(loaded), warnings: loaded.warnings };
    };
    return checkConfig(describe, this.#print);
  }

  async #serve(): Promise<number> {
    const given = takeGivenSockets(this.#process.env, this.#process.pid);
    const { settings, files, warnings } = await this.#loadToStart();
    const { stdout, stderr } = this.#process;
    const output = openOutput(1);
    const log = createLog({
      level: settings.files.logLevel,
      format: settings.files.logFormat ?? (stdout.isTTY ? "pretty" : "json"),
      hasColours: stdout.isTTY && stdout.hasColors(),
      secrets: secretsOf(settings),
      columns: () => (stdout.isTTY ? stdout.columns : undefined),
      write: output.write,
    });
    const idleMemory = new IdleMemory({ after: systemClock.after, ...ownMemory(this.#process) });
    try {
      const { compose } = await import("./compose.ts");
      const { realWorld } = await import("./compose/core.ts");
      return await serve({
        log,
        warnings: [...warnings, ...given.warnings],
        // On a terminal people read both.
        isToldOnce: stdout.isTTY && stderr.isTTY,
        compose: () => compose(settings, log, { ...realWorld, sockets: given.sockets }),
        loadAgain: async () => (await this.#load()).settings,
        watched: watchedPaths(files, settings),
        signals: this.#process,
        say: (text) => void stderr.write(text),
        exitNow: (code) => leave(this.#process, code),
      });
    } finally {
      idleMemory.stop();
      await output.end();
    }
  }

  async #rotateCa(isSwitch: boolean): Promise<number> {
    const { rotateCa } = await import("./commands/ca-rotate.ts");
    const { settings } = await this.#load();
    return await rotateCa({ settings, isSwitch, now: Date.now, print: this.#print });
  }

  async #showCa(what: CaView): Promise<number> {
    const { settings } = await this.#load();
    const certificate = settings.authority.cert;
    const { dataDir } = settings.files;
    const fail = (sentence: string): void => this.fail(sentence);
    return showCa(what, { certificate, dataDir, print: this.#print, fail });
  }
}

/** Flags of the whole command line that commands that ask have too. */
const ofAll = ["data-dir", "config", "env-file"];
