/** The command line: reads the settings, and does what the command says. */
import { readFile } from "node:fs/promises";
import { type Command, CommanderError } from "commander";
import { systemClock } from "../runtime/clock.ts";
import type { Rehearsing } from "./application.ts";
import { readBuild } from "./build.ts";
import { type CaView, showCa } from "./commands/ca.ts";
import { serve } from "./commands/serve.ts";
import { declareCommands, type InitFlags, type Works } from "./declared-commands.ts";
import { Environment } from "./environment.ts";
import { describeFailure } from "./failure.ts";
import { takeGivenSockets } from "./given-sockets.ts";
import { IdleMemory, ownMemory } from "./idle-memory.ts";
import { leave } from "./leave.ts";
import { createLog, openOutput } from "./log.ts";
import { loadAll } from "./old-setup.ts";
import { settingOptions } from "./options.ts";
import { watchedPaths } from "./reload.ts";
import type { Loaded } from "./settings/load.ts";
import { describeSettings, secretsOf } from "./settings/redact.ts";
import { SettingsError } from "./settings/settings-error.ts";
import { endRoot } from "./taking-over.ts";
import { openTraces, type Traces } from "./traces/open-traces.ts";
import { wrongArguments } from "./wrong-arguments.ts";

/** Resolves with the exit code; never rejects. `takeSignals` is called when the server can be stopped. */
export async function runCommandLine(
  process: NodeJS.Process,
  takeSignals: () => void,
): Promise<number> {
  const program = new CommandLine(process, takeSignals);
  try {
    return await program.run();
  } catch (error) {
    const { lines, exitCode } = describeFailure(error);
    for (const line of lines) program.fail(line);
    return exitCode;
  }
}

class CommandLine {
  readonly #process: NodeJS.Process;
  readonly #program: Command;
  readonly #environment: Environment;
  readonly #takeSignals: () => void;
  #exitCode = 0;

  constructor(process: NodeJS.Process, takeSignals: () => void) {
    this.#process = process;
    this.#takeSignals = takeSignals;
    this.#environment = new Environment(process.env);
    const end = (code: number): void => {
      this.#exitCode = code;
    };
    this.#program = declareCommands(this.#works(), end, process.argv.includes("--json"));
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

  /** What each command does; resolves with the exit code. */
  #works(): Works {
    return {
      serve: () => this.#serve(),
      init: (flags) => this.#init(flags),
      doctor: (isJson) => this.#doctor(isJson),
      setup: (name, address) => this.#setup(name, address),
      checkConfig: (isRunning) => this.#checkConfig(isRunning),
      printConfig: () => this.#printConfig(),
      printSchema: () => this.#printSchema(),
      showCa: (what) => this.#showCa(what),
      rotateCa: (isSwitch) => this.#rotateCa(isSwitch),
      sleep: () => this.#sleep(),
      ask: (name, words) => this.#ask(name, words),
    };
  }

  /** Flags of the whole command line may stand before the command. */
  async #ask(name: string, words: readonly string[]): Promise<number> {
    const { runAsking } = await import("./commands/asking.ts");
    const flags = this.#program.opts<Readonly<Record<string, string>>>();
    const taken = name === "health" ? [...ofAll, "host", "port"] : ofAll;
    const given = taken.flatMap((flag) => {
      const value = flags[flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
      return value === undefined ? [] : [`--${flag}`, value];
    });
    return await runAsking([name, ...words, ...given], this.#process);
  }

  async #init({ from, output, yes = false }: InitFlags): Promise<number> {
    const { init } = await import("./commands/init/init.ts");
    const { stdin, stdout } = this.#process;
    const isTerminal = stdin.isTTY && stdout.isTTY;
    const live = { environment: this.#process.env };
    const ask = { from, output, isYes: yes, isTerminal, live, print: this.#print };
    return await init(ask);
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

  async #setup(name: string | undefined, address: string | undefined): Promise<number> {
    const { printSetup } = await import("./commands/setup.ts");
    const { settings } = await this.#load();
    const fail = (sentence: string): void => this.fail(sentence);
    return await printSetup({ name, address, settings, print: this.#print, fail });
  }

  readonly #print = (line: string): void => {
    this.#process.stdout.write(`${line}\n`);
  };

  async #load(): Promise<Loaded> {
    const flags = this.#program.opts<Readonly<Record<string, string>>>();
    const { files, warnings } = await this.#environment.read(flags.envFile);
    const { env } = this.#process;
    const loaded = await loadAll({
      flags: new Map(
        settingOptions().flatMap((option) => {
          const value = flags[option.attributeName()];
          return value === undefined ? [] : [[option.setting, value] as const];
        }),
      ),
      environment: env,
      isFromEnvFile: this.#environment.isFromFile,
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

  async #checkConfig(isRunning: boolean): Promise<number> {
    const { checkConfig, checkRunning } = await import("./commands/config-check.ts");
    if (isRunning) {
      const { settings, ...its } = await this.#load();
      const { dataDir } = settings.files;
      return await checkRunning({ dataDir, lines: describeSettings(its), print: this.#print });
    }
    const describe = async () => {
      const loaded = await this.#loadToStart();
      return { lines: describeSettings(loaded), warnings: loaded.warnings };
    };
    return await checkConfig(describe, this.#print);
  }

  async #printConfig(): Promise<number> {
    const { effectiveSettings } = await import("./commands/config-print.ts");
    for (const line of effectiveSettings(await this.#load())) this.#print(line);
    return 0;
  }

  async #printSchema(): Promise<number> {
    const { settingsSchema } = await import("./settings/settings-schema.ts");
    this.#print(JSON.stringify(settingsSchema(), undefined, 2));
    return 0;
  }

  async #serve(): Promise<number> {
    await endRoot(this.#process, () => this.#load());
    const given = takeGivenSockets(this.#process.env, this.#process.pid);
    const { settings, files, warnings, ...its } = await this.#loadToStart();
    const { env, stdout, stderr } = this.#process;
    let traces: Traces | undefined;
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
      traces = await openTraces({ environment: env, version: readBuild().version, log });
      const { tracing } = traces;
      const written = describeSettings(its);
      const world = { ...realWorld, sockets: given.sockets, written, tracing, rehearse };
      return await serve({
        log,
        warnings: [...warnings, ...given.warnings, ...traces.warnings],
        // On a terminal people read both.
        isToldOnce: stdout.isTTY && stderr.isTTY,
        compose: async () => {
          const app = await compose(settings, log, world);
          this.#takeSignals();
          return app;
        },
        loadAgain: async () => (await this.#load()).settings,
        watched: watchedPaths(files, settings),
        signals: this.#process,
        say: (text) => void stderr.write(text),
        exitNow: (code) => leave(this.#process, code),
      });
    } finally {
      idleMemory.stop();
      await traces?.close();
      await output.end();
    }
  }

  async #sleep(): Promise<number> {
    const { sleep } = await import("./commands/sleep.ts");
    this.#takeSignals();
    return await sleep(this.#process);
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

/** Loaded once clients are served: it is no part of a start, and where it cannot be loaded nobody misses it. */
async function rehearse(during: Rehearsing): Promise<void> {
  const rehearsal = await import("./rehearsal/rehearse.ts").catch(() => undefined);
  await rehearsal?.rehearse(during);
}

/** Flags of the whole command line that commands that ask have too. */
const ofAll = ["data-dir", "config", "env-file"];
