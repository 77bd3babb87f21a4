/** What the shells complete: commands, their flags, and files where a flag takes one. */
import type { CommandTable, Flag } from "./table.ts";

/** Flags of every kind that a command takes. */
function flagsOf(table: CommandTable, path: string): readonly Flag[] {
  const row = table.rows.find((each) => each.path === path);
  const isServe = path === "" || row?.takesSettings === true;
  const settings = isServe ? [...table.settings.values()].flat() : [];
  return [...(row?.flags ?? []), ...table.everywhere, ...settings];
}

/** Every path a word may follow, the program's own among them, with those words. */
function nextWords({ rows }: CommandTable): ReadonlyMap<string, readonly string[]> {
  const next = new Map<string, string[]>([["", []]]);
  for (const { path } of rows) {
    const parts = path.split(" ");
    parts.forEach((word, index) => {
      const before = parts.slice(0, index).join(" ");
      const known = next.get(before) ?? [];
      if (!known.includes(word)) next.set(before, [...known, word]);
    });
    if (!next.has(path)) next.set(path, []);
  }
  return next;
}

function allFlags(table: CommandTable): readonly Flag[] {
  return [...nextWords(table).keys()].flatMap((path) => flagsOf(table, path));
}

function isFile({ value = "" }: Flag): boolean {
  return ["file", "path", "folder"].includes(value);
}

/** `json|pretty` as words. */
function choicesOf({ value = "" }: Flag): readonly string[] {
  return value.includes("|") ? value.split("|") : [];
}

export function bashCompletion(table: CommandTable): string {
  const words = nextWords(table);
  const named = (flags: readonly Flag[]) => [...new Set(flags.flatMap(({ names }) => names))];
  const files = named(allFlags(table).filter(isFile));
  const choices = new Map(
    allFlags(table)
      .filter((flag) => choicesOf(flag).length > 0)
      .map((flag) => [flag.names.at(-1) ?? "", choicesOf(flag).join(" ")]),
  );
  const others = named(allFlags(table).filter((flag) => flag.value !== undefined));
  const paths = [...words.keys()].filter((path) => path !== "");
  const offers = [...words].map(([path, next]) => {
    const all = [...next, ...named(flagsOf(table, path))];
    return `    "${path}") words="${all.join(" ")}" ;;`;
  });
  return `# Written by npm run docs from the commands themselves.
_entrepot() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at= word words= index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case "\${at:+$at }$word" in
      ${paths.map((path) => `"${path}"`).join(" | ")}) at="\${at:+$at }$word" ;;
    esac
  done
  case $before in
    ${files.join(" | ")})
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
${[...choices].map(([flag, all]) => `    ${flag}) words="${all}" ;;`).join("\n")}
    ${others.filter((flag) => !files.includes(flag) && !choices.has(flag)).join(" | ")}) return ;;
  esac
  [[ -n $words ]] || case $at in
${offers.join("\n")}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _entrepot entrepot
`;
}

export function zshCompletion(table: CommandTable): string {
  const words = nextWords(table);
  const cases = [...words].map(([path, next]) => {
    const specs = flagsOf(table, path).flatMap(zshFlag);
    const commands = next.map((word) => zshWord(table, [path, word].filter(Boolean).join(" ")));
    return `    "${path}")
      commands=(${commands.join(" ")})
      flags=(${specs.join(" ")})
      ;;`;
  });
  const paths = [...words.keys()].filter((path) => path !== "");
  return `#compdef entrepot
# Written by npm run docs from the commands themselves.
_entrepot() {
  local at= word
  local -a commands flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
      (${paths.map((path) => `"${path}"`).join("|")}) at="\${at:+$at }$word" ;;
    esac
  done
  case $at in
${cases.join("\n")}
  esac
  if (( \${#commands} )) && [[ \${words[CURRENT]} != -* && \${words[CURRENT-1]} != --* ]]; then
    _describe command commands
  else
    _arguments : $flags '*::word:_files'
  fi
}
_entrepot "$@"
`;
}

function zshWord({ rows }: CommandTable, path: string): string {
  const about = rows.find((each) => each.path === path)?.about ?? "";
  const word = path.split(" ").at(-1) ?? "";
  return quoted(about === "" ? word : `${word}:${about.replaceAll(":", "\\:")}`);
}

function zshFlag(flag: Flag): readonly string[] {
  const about = `[${flag.about.replace(/[[\]\\]/g, "\\$&")}]`;
  const choices = choicesOf(flag);
  const offered = choices.length > 0 ? `(${choices.join(" ")})` : "";
  const value =
    flag.value === undefined
      ? ""
      : `:${flag.value.replaceAll("|", " ")}:${isFile(flag) ? "_files" : offered}`;
  return flag.names.map((name) => quoted(`${name}${about}${value}`));
}

export function fishCompletion(table: CommandTable): string {
  const lines = [...nextWords(table)].flatMap(([path, next]) => [
    ...next.map((word) => fishWord(table, path, word)),
    ...flagsOf(table, path).map((flag) => fishFlag(path, flag)),
  ]);
  return `# Written by npm run docs from the commands themselves.
function __entrepot_at
    set -l at
    for word in (commandline -opc)[2..]
        switch "$at $word"
            case ${[...nextWords(table).keys()]
              .filter(Boolean)
              .map((path) => quoted(` ${path}`))
              .join(" ")}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c entrepot -f
${lines.join("\n")}
`;
}

function at(path: string): string {
  return `-n '__entrepot_at "${path === "" ? "" : ` ${path}`}"'`;
}

function fishWord({ rows }: CommandTable, path: string, word: string): string {
  const about = rows.find((each) => each.path === [path, word].filter(Boolean).join(" "))?.about;
  return `complete -c entrepot ${at(path)} -a ${word}${about === undefined ? "" : ` -d ${quoted(about)}`}`;
}

function fishFlag(path: string, flag: Flag): string {
  const names = flag.names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  return `complete -c entrepot ${at(path)} ${names.join(" ")}${fishValue(flag)} -d ${quoted(flag.about)}`;
}

function fishValue(flag: Flag): string {
  if (flag.value === undefined) return "";
  if (isFile(flag)) return " -r -F";
  const choices = choicesOf(flag);
  return choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : " -x";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
