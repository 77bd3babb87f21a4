/** The manual page entrepot(1), as roff. */
import type { CommandTable, Flag } from "./table.ts";

const exits = [
  ["0", "It went well."],
  ["1", "It failed, it is not ready, something is wrong, or there is no such image."],
  ["2", "The command was used in a wrong way."],
  ["3", "No server runs there."],
  ["4", "This user may not ask it."],
  ["78", "The settings have to change."],
] as const;

export function manPage({ rows, everywhere, settings }: CommandTable, version: string): string {
  const commands = rows.map(({ path, words, about, flags }) =>
    [
      `.SS "entrepot ${[path, words].filter(Boolean).join(" ")}"`,
      text(`${about}.`),
      ...flags.map(item),
    ].join("\n"),
  );
  const titles = [...settings].map(([title, flags]) =>
    [`.SS "${title}"`, ...flags.map(item)].join("\n"),
  );
  return `.\\" Written by npm run docs from the commands themselves.
.TH ENTREPOT 1 "" "Entrepot ${version}" "User Commands"
.ad l
.nh
.SH NAME
entrepot \\- caching forward proxy for container registries
.SH SYNOPSIS
.B entrepot
[\\fIcommand\\fR] [\\fIflags\\fR]
.SH DESCRIPTION
A machine, a lab or a cluster points its container engines at it once; from then on every image is fetched
from the internet once, verified, kept, and served to everybody. Without a command it serves.
.SH COMMANDS
${commands.join("\n")}
.SH FLAGS OF EVERY COMMAND
${everywhere.map(item).join("\n")}
.SH SETTINGS
Each is a flag of serve, config check and config print, a variable, or a key of the file that \\-\\-config names.
${titles.join("\n")}
.SH EXIT STATUS
${exits.map(([code, meaning]) => `.TP\n.B ${code}\n${meaning}`).join("\n")}
.SH FILES
.TP
.I ./data, /var/lib/entrepot, /data
The folder of the CA, the images and the records (DATA_DIR); under a service, and in a container.
.TP
.I control.sock
In that folder: what commands ask the server by.
`;
}

function item({ names, value, about }: Flag): string {
  const flags = names.map((name) => `\\fB${escaped(name)}\\fR`).join(", ");
  const behind = value === undefined ? "" : ` \\fI${escaped(value)}\\fR`;
  return `.TP\n${flags}${behind}\n${text(about)}`;
}

function text(words: string): string {
  // A line that begins so would be taken for an order.
  return escaped(words).replace(/^([.'])/gm, "\\&$1");
}

function escaped(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}
