/** docs/reference/command-line.md: every command with its words and flags. */
import type { CommandRow, CommandTable, Flag } from "./table.ts";

export function commandReference({ rows, everywhere }: CommandTable): string {
  return `# The command line

<!-- Written by \`npm run docs\` from the commands themselves; change it there. -->

Without a command it serves. What the commands are for, and what their exit codes mean: [commands](commands.md).
Flags of the settings, which \`serve\`, \`config check\` and \`config print\` take: [configuration](configuration.md).

Files for shells that complete commands and flags are in [completions](../completions), a manual page in
[man](../man): \`man ./docs/man/entrepot.1\`.

## Flags of every command

${table(everywhere)}
${rows.map(section).join("\n")}`;
}

function section({ path, words, about, flags, takesSettings }: CommandRow): string {
  const title = ["entrepot", path, words].filter(Boolean).join(" ");
  const settings = takesSettings ? "\nIt takes the flags of all settings.\n" : "";
  return [`## ${title}`, "", `${about}.`, settings, flags.length > 0 ? table(flags) : ""]
    .filter((part, index) => part !== "" || index === 1)
    .join("\n");
}

function table(flags: readonly Flag[]): string {
  const rows = flags.map(({ names, value, about }) => {
    const flag = `${names.join(", ")}${value === undefined ? "" : ` <${value}>`}`;
    return `| \`${flag.replaceAll("|", "\\|")}\` | ${about.replaceAll("|", "\\|")} |`;
  });
  return ["", "| flag | |", "|---|---|", ...rows, ""].join("\n");
}
