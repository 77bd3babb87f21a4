/** The commands and their flags, those of the settings straight from their table; what each does is passed in. */
import { Command, Option } from "commander";
import { describeBuild, readBuild } from "./build.ts";
import { askingCommands } from "./commands/asking-commands.ts";
import type { CaView } from "./commands/ca.ts";
import { formatItem, subcommandTerm, visibleOptions } from "./help.ts";
import { settingOptions } from "./options.ts";

export type InitFlags = {
  readonly from?: string;
  readonly output: string;
  readonly yes?: boolean;
};

/** Each resolves with the exit code. */
export type Works = {
  serve(): Promise<number>;
  init(flags: InitFlags): Promise<number>;
  doctor(isJson: boolean): Promise<number>;
  setup(name: string | undefined, address: string | undefined): Promise<number>;
  /** Running: those of the server are looked at. */
  checkConfig(isRunning: boolean): Promise<number>;
  printConfig(): Promise<number>;
  printSchema(): Promise<number>;
  showCa(what: CaView): Promise<number>;
  rotateCa(isSwitch: boolean): Promise<number>;
  sleep(): Promise<number>;
  ask(name: string, words: readonly string[]): Promise<number>;
};

/** `end` is told the exit code; a version that is asked for goes out as JSON where `isJson`. */
export function declareCommands(
  works: Works,
  end: (code: number) => void,
  isJson = false,
): Command {
  const doing = (work: () => Promise<number>) => async (): Promise<void> => end(await work());
  const program = declareProgram(isJson);
  program
    .command("serve", { isDefault: true })
    .description("serve until told to stop (what happens without a command)")
    .action(doing(() => works.serve()));
  program
    .command("init")
    .description("write a settings file, by asking or from a set-up that is replaced")
    .option("--from <file>", "env file, compose file, CONFIG list or squid.conf of that set-up")
    .option("--output <file>", "where the settings go", "entrepot.yaml")
    .option("--yes", "ask nothing, and take what is usual")
    .action((flags: InitFlags) => doing(() => works.init(flags))());
  program
    .command("doctor")
    .description("look at all that has to be right, and say how the rest is mended")
    .option("--json", "as JSON")
    .action(({ json = false }: { readonly json?: boolean }) => doing(() => works.doctor(json))());
  program
    .command("setup [name]")
    .description(
      "print the script that sets up a client, as /setup/ has it; without a name, which there are",
    )
    .option("--address <host>", "by which clients reach it, with a port where that is not PORT")
    .action((name: string | undefined, { address }: { readonly address?: string }) =>
      doing(() => works.setup(name, address))(),
    );
  declareConfig(program, works, doing);
  declareCa(program, works, doing);
  program
    .command("sleep")
    .description("do nothing until told to stop, so that this image counts as used")
    .action(doing(() => works.sleep()));
  for (const { name, description } of askingCommands) {
    program
      .command(`${name} [words...]`)
      .description(description)
      .allowUnknownOption()
      .action((words: readonly string[]) => doing(() => works.ask(name, words))());
  }
  return program;
}

type Doing = (work: () => Promise<number>) => () => Promise<void>;

function declareProgram(isJson: boolean): Command {
  const build = readBuild();
  const program = new Command("entrepot")
    .description("A caching forward proxy for container registries.")
    .version(
      isJson ? describeBuild(build) : build.version,
      "-v, --version",
      "print the version; with --json after it, commit, Node and build too",
    )
    .helpOption("-h, --help", "print this help")
    .addHelpText(
      "after",
      "\nEvery setting is a flag, a variable or a key of a file: entrepot serve --help",
    )
    // Their own help says what words and flags they take.
    .configureHelp({ formatItem, visibleOptions, subcommandTerm })
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
  return program;
}

function declareConfig(program: Command, works: Works, doing: Doing): void {
  const config = program.command("config").description("look at the settings");
  config
    .command("check")
    .description("read the settings as a start would, and show what differs from the defaults")
    .option("--running", "ask the server that runs what it was started with instead")
    .action(({ running = false }: { readonly running?: boolean }) =>
      doing(() => works.checkConfig(running))(),
    );
  config
    .command("print")
    .description("print every setting as a start would take it, as YAML, without secrets")
    .action(doing(() => works.printConfig()));
  config
    .command("schema")
    .description("print the JSON Schema of the settings file, for editors")
    .action(doing(() => works.printSchema()));
}

function declareCa(program: Command, works: Works, doing: Doing): void {
  const ca = program.command("ca").description("the certificate that clients have to trust");
  for (const [name, description] of [
    ["show", "say whose it is, until when it is good, and which one is next"],
    ["fingerprint", "print its SHA-256"],
    ["print", "print it, as PEM"],
  ] as const) {
    ca.command(name)
      .description(description)
      .action(doing(() => works.showCa(name)));
  }
  ca.command("rotate")
    .description("make the next one, for clients to trust beside it")
    .option("--switch", "the next one signs from now on, and the one before is no more")
    .action(({ switch: isSwitch = false }: { readonly switch?: boolean }) =>
      doing(() => works.rotateCa(isSwitch))(),
    );
}
