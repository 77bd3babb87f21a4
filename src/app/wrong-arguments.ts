/** What is wrong with arguments that the command line cannot use, and what to write instead. */
import type { Command, CommanderError, Option } from "commander";
import { settingOptions } from "./options.ts";
import { didYouMean } from "./settings/nearest.ts";
import { shown } from "./settings/shown.ts";

const seeHelp = "(entrepot --help shows what there is)";

type CommandPath = { readonly program: Command; readonly command: Command };

/** The command was used in a way that it has not. */
export class UsageError extends Error {
  readonly code = "USAGE";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** `given` is what was written after the program's name; read again here, since commander only talks. */
export function wrongArguments(
  cause: CommanderError,
  given: readonly string[],
  program: Command,
): UsageError {
  return new UsageError(sentence(given, program), { cause });
}

function sentence(given: readonly string[], program: Command): string {
  let [command, taken] = [program, 0];
  for (let index = 0; index < given.length; ) {
    const word = given[index] ?? "";
    const here = { program, command };
    const read = word.startsWith("-")
      ? readFlag(word, given[index + 1], here)
      : readName(word, here, taken);
    if (typeof read === "string") return read;
    if (read.command !== command) taken = 0;
    else if (!word.startsWith("-")) taken += 1;
    command = read.command;
    index += read.words;
  }
  const missing = command.registeredArguments[taken];
  if (missing?.required === true) {
    return `${pathOf(command)} needs <${missing.name()}> ${seeHelp}`;
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

/** `taken`: words that were arguments of the command already. */
function readName(word: string, here: CommandPath, taken: number): Read {
  const command = here.command.commands.find((each) => each.name() === word);
  if (command !== undefined) return { words: 1, command };
  const { registeredArguments: its } = here.command;
  const isTaken = taken < its.length || its.at(-1)?.variadic === true;
  return isTaken ? { words: 1, command: here.command } : wordTooMany(word, here);
}

/** `images show`, without the program's own name. */
function pathOf(command: Command): string {
  const above = command.parent;
  return above?.parent ? `${pathOf(above)} ${command.name()}` : command.name();
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
