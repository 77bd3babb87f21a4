/** Every command with its words and flags, as the program itself declares them. */
import type { Command, Option } from "commander";
import { Asking } from "../../src/app/commands/asking.ts";
import { declareCommands, type Works } from "../../src/app/declared-commands.ts";
import { SettingOption } from "../../src/app/options.ts";

export type Flag = {
  /** `--port`, and `-h` where there is a short one. */
  readonly names: readonly string[];
  /** What stands behind it, `port` or `json|pretty`; undefined for nothing. */
  readonly value: string | undefined;
  readonly about: string;
};

export type CommandRow = {
  /** `images rm`; the program itself has none. */
  readonly path: string;
  /** `<image>`. */
  readonly words: string;
  readonly about: string;
  readonly flags: readonly Flag[];
  /** Whether the flags of the settings may follow. */
  readonly takesSettings: boolean;
};

export type CommandTable = {
  readonly rows: readonly CommandRow[];
  /** What may stand before and behind every command. */
  readonly everywhere: readonly Flag[];
  /** By their titles in the reference. */
  readonly settings: ReadonlyMap<string, readonly Flag[]>;
};

const readers = ["serve", "config check", "config print"];

export function commandTable(): CommandTable {
  const program = declareCommands({} as Works, () => undefined);
  const asking = new Map(new Asking(process).program.commands.map((each) => [each.name(), each]));
  const commands = program.commands.map((each) => asking.get(each.name()) ?? each);
  const [settings, others] = parted(program.options);
  const help = { names: ["-h", "--help"], value: undefined, about: "print what there is" };
  return {
    rows: commands.flatMap((each) => rowsOf(each, "")),
    everywhere: [help, ...others.map(flagOf)],
    settings: byTitle(settings),
  };
}

function rowsOf(command: Command, above: string): readonly CommandRow[] {
  const path = `${above}${command.name()}`;
  if (command.commands.length > 0) {
    return command.commands.flatMap((each) => rowsOf(each, `${path} `));
  }
  const words = command.registeredArguments.map((each) => {
    const name = each.variadic ? `${each.name()}...` : each.name();
    return each.required ? `<${name}>` : `[${name}]`;
  });
  return [
    {
      ...{ path, words: words.join(" "), about: command.description() },
      flags: command.options.map(flagOf),
      takesSettings: readers.includes(path),
    },
  ];
}

function flagOf({ short, long, flags, description }: Option): Flag {
  return {
    names: [short, long].filter((name) => name !== undefined),
    value: /<(.*)>$/.exec(flags)?.[1],
    about: description,
  };
}

function parted(
  options: readonly Option[],
): readonly [readonly SettingOption[], readonly Option[]] {
  const settings = options.filter((each) => each instanceof SettingOption);
  return [settings, options.filter((each) => !(each instanceof SettingOption))];
}

function byTitle(options: readonly SettingOption[]): ReadonlyMap<string, readonly Flag[]> {
  const titles = new Map<string, Flag[]>();
  for (const option of options) {
    const title = (option.helpGroupHeading ?? "").replace(/:$/, "");
    titles.set(title, [...(titles.get(title) ?? []), flagOf(option)]);
  }
  return titles;
}
