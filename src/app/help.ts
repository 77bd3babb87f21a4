/** How `--help` looks: the settings with the commands that read them all, so that the rest fits a screen. */
import { type Command, Help, type Option } from "commander";
import { SettingOption } from "./options.ts";

/** What commander itself takes for too narrow a column of text. */
const narrowest = 40;

/** For `configureHelp`: beside its flag where there is room for that, else below it. */
export function formatItem(
  term: string,
  termWidth: number,
  description: string,
  helper: Help,
): string {
  const width = helper.helpWidth ?? 80;
  if (width - termWidth - 4 >= narrowest || description === "") {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  const text = helper.boxWrap(description, width - 6).replaceAll("\n", "\n      ");
  return `  ${term}\n      ${text}`;
}

/** For `configureHelp`: the program's own flags may stand anywhere, and are shown with who reads them. */
export function visibleOptions(command: Command): Option[] {
  const own = new Help().visibleOptions(command);
  if (command.parent === null) return own.filter((option) => !(option instanceof SettingOption));
  const isReader = ["serve", "check", "print"].includes(command.name()) && !isOfCa(command);
  const { options } = programOf(command);
  return isReader ? [...own, ...options.filter((option) => option.helpGroupHeading)] : own;
}

function programOf(command: Command): Command {
  return command.parent === null ? command : programOf(command.parent);
}

/** For `configureHelp`: a command with the words that may follow it. */
export function subcommandTerm(command: Command): string {
  const words = command.commands.map((each) => each.name()).join("|");
  return words === "" ? command.name() : `${command.name()} ${words}`;
}

function isOfCa(command: Command): boolean {
  return command.parent?.name() === "ca";
}
