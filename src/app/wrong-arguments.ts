/** What is wrong with arguments that the command line cannot use, and what to write instead. */
import type { Command, CommanderError, Option } from "commander";
import { settingOptions } from "./options.ts";
import { didYouMean } from "./settings/nearest.ts";
import { SettingsError } from "./settings/settings-error.ts";
import { shown } from "./settings/shown.ts";

const seeHelp = "(entrepot --help shows what there is)";

type CommandPath = { readonly program: Command; readonly command: Command };

/** `given` is what was written after the program's name; read again here, since commander only talks. */
export function wrongArguments(
  cause: CommanderError,
  given: readonly string[],
  program: Command,
): SettingsError {
  return new SettingsError([sentence(given, program)], { cause });
}

function sentence(given: readonly string[], program: Command): string {
  let command = program;
  for (let index = 0; index < given.length; ) {
    const word = given[index] ?? "";
    const here = { program, command };
    const read = word.startsWith("-")
      ? readFlag(word, given[index + 1], here)
      : readName(word, here);
    if (typeof read === "string") return read;
    command = read.command;
    index += read.words;
  }
  const words = command.commands.map((each) => `${command.name()} ${each.name()}`).join(" or ");
  return `that command needs another word: ${words} ${seeHelp}`;
}

/** How many words were read, and the command that the next ones belong to; or what is wrong. */
type Read = { readonly words: number; readonly command: Command } | string;

function readFlag(word: string, next: string | undefined, here: CommandPath): Read {
  const flag = word.split("=", 1)[0] ?? "";
  const option = optionsOf(here).find(({ long, short }) => long === flag || short === flag);
  if (option === undefined) return unknownOption(flag, here);
  const { command } = here;
  if (!option.required || word.includes("=")) return { words: 1, command };
  return next === undefined
    ? `${flag} needs a value; write ${option.flags}`
    : { words: 2, command };
}

function readName(word: string, here: CommandPath): Read {
  const command = here.command.commands.find((each) => each.name() === word);
  return command === undefined ? wordTooMany(word, here) : { words: 1, command };
}

function unknownOption(flag: string, here: CommandPath): string {
  const unknown = `unknown option '${flag}'`;
  if (settingOptions().some((each) => each.long === `${flag}-file`)) {
    return `${unknown}; write ${flag}-file and a file: a command line is no place for secrets`;
  }
  const flags = optionsOf(here).flatMap(({ long }) => (long === undefined ? [] : [long]));
  return `${unknown}${didYouMean(flag, flags) || ` ${seeHelp}`}`;
}

function wordTooMany(word: string, { program, command }: CommandPath): string {
  const names = command.commands.map((each) => each.name());
  const meant = didYouMean(word, names);
  if (command === program) return `there is no command ${shown(word)}${meant || ` ${seeHelp}`}`;
  if (names.length > 0) return `unknown command ${shown(word)}${meant || ` ${seeHelp}`}`;
  return `${command.name()} takes no further word; leave ${shown(word)} out ${seeHelp}`;
}

/** Flags of the program may stand behind a command too. */
function optionsOf({ program, command }: CommandPath): readonly Option[] {
  return [...new Set([...command.options, ...program.options])];
}
