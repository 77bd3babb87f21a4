/** What commander says of arguments that it cannot use, in our words, with what to write instead. */
import type { CommanderError } from "commander";
import { settingOptions } from "./options.ts";
import { SettingsError } from "./settings/load.ts";
import { didYouMean } from "./settings/nearest.ts";

const commands = ["serve", "config", "config check", "ca", "health"];
const seeHelp = "(entrepot --help shows what there is)";

/** `given` is what was written after the program's name. */
export function wrongArguments(cause: CommanderError, given: readonly string[]): SettingsError {
  return new SettingsError([sentence(cause, given)], { cause });
}

function sentence(cause: CommanderError, given: readonly string[]): string {
  if (cause.code === "commander.help") {
    return `that command needs another word: config check, ca print or ca fingerprint ${seeHelp}`;
  }
  const message = cause.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  const [, known, meant] = /^(.*) \(Did you mean (.*)\?\)$/.exec(message) ?? [];
  if (meant !== undefined) return `${known}; did you mean ${meant}?`;
  const option = /^unknown option '(.*)'$/.exec(message)?.[1] ?? "";
  if (settingOptions().some((each) => each.long === `${option}-file`)) {
    return `${message}; write ${option}-file and a file: a command line is no place for secrets`;
  }
  const flag = /^option '(.*)' argument missing$/.exec(message)?.[1];
  if (flag !== undefined) return `${flag.split(" ")[0]} needs a value; write ${flag}`;
  return `${excess(message, given) ?? message} ${seeHelp}`;
}

/** Words too many. What is no command is one to commander too: an argument of the default command. */
function excess(message: string, given: readonly string[]): string | undefined {
  const [, command = "", word] =
    /^too many arguments for '(.*?)'.* but got \d+: ([^,]+?)(?:,.*|\.)?$/.exec(message) ?? [];
  if (word === undefined) return undefined;
  if (given.includes(command)) return `${command} takes no further word; leave "${word}" out`;
  return `there is no command "${word}"${didYouMean(word, commands)}`;
}
