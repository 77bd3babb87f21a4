/**
 * `entrepot init`: asks, or reads the file of a set-up that Entrepot replaces, and writes a settings
 * file; logins go into a file of their own that is readable to its owner alone.
 */
import { createReadStream } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { loadSettings } from "../../settings/load.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { type Asker, nobody, person } from "./asker.ts";
import { type Draft, InitError } from "./draft.ts";
import { draftFrom } from "./from-file.ts";
import { interview } from "./interview.ts";
import { LiveCheck, type LiveCheckParts } from "./live-check.ts";
import { settle } from "./settle.ts";
import { loginsText, settingsText } from "./written-settings.ts";

export type InitAsk = {
  /** The file of a set-up that is replaced. */
  readonly from: string | undefined;
  /** Where the settings go. */
  readonly output: string;
  /** Asks nothing. */
  readonly isYes: boolean;
  readonly isTerminal: boolean;
  /** For the logins, which are tried. */
  readonly live: LiveCheckParts;
  readonly print: (line: string) => void;
};

type Written = {
  readonly settings: string;
  readonly logins: string | undefined;
  /** By flag, the files of other secrets. */
  readonly secrets: ReadonlyMap<string, string>;
};

/** Resolves with the exit code. Throws InitError. */
export async function init(ask: InitAsk, asked?: Asker): Promise<number> {
  const { from, isYes, isTerminal, print } = ask;
  if (!isYes && !isTerminal && asked === undefined) {
    throw new InitError("this is no terminal to ask at; write --yes to take what is usual");
  }
  const asker = asked ?? (isYes ? nobody : await person());
  const check = new LiveCheck(ask.live);
  const { draft, head, without } = await drafted(ask, asker, check);
  if (from !== undefined) await settle(draft, asker, check);
  const written = await write(draft, ask, head);
  const problems = await problemsOf(written);
  report(written, { draft, without, problems, print });
  if (from !== undefined) print("");
  print(`Next: ${commandFor(written)}`);
  return problems.length === 0 ? 0 : 1;
}

async function drafted({ from, print }: InitAsk, asker: Asker, check: LiveCheck) {
  if (from === undefined) {
    return { draft: await interview(asker, check), head: "Written by entrepot init.", without: [] };
  }
  const { of, draft, without } = draftFrom(resolve(from), await contentOf(from));
  if (draft.settings.size === 0) {
    throw new InitError(`${from} has none of the settings that are known here`);
  }
  print(`${from} is of ${of}.`);
  return { draft, head: `Written by entrepot init from ${basename(from)}, of ${of}.`, without };
}

/** No settings are longer, and a device has no end. */
const longest = 1024 * 1024;

async function contentOf(path: string): Promise<string> {
  try {
    const content = await buffer(createReadStream(path, { end: longest }));
    if (content.length <= longest) return content.toString();
    throw new InitError(`${path} is longer than 1 MiB, and no set-up`);
  } catch (cause) {
    if (cause instanceof InitError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new InitError(`${path} cannot be read (${code})`, { cause });
  }
}

async function write(draft: Draft, ask: InitAsk, head: string): Promise<Written> {
  // A service is started from elsewhere.
  const output = resolve(ask.output);
  const folder = dirname(output);
  const stem = join(folder, basename(output).replace(/\.ya?ml$/i, ""));
  await mkdir(folder, { recursive: true });
  const logins = draft.logins.length === 0 ? undefined : `${stem}.logins.json`;
  const secrets = new Map<string, string>();
  await writeNew(output, settingsText(draft, head, logins), 0o644);
  if (logins !== undefined) await writeNew(logins, loginsText(draft.logins), 0o600);
  for (const [flag, secret] of draft.secrets) {
    const path = `${stem}.${flag.replace(/-file$/, "")}`;
    await writeNew(path, `${secret}\n`, 0o600);
    secrets.set(flag, path);
  }
  return { settings: output, logins, secrets };
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o600 });
    await chmod(path, mode);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unwritable";
    const how = code === "EEXIST" ? "is there already" : `cannot be written (${code})`;
    throw new InitError(`${path} ${how}; write another place as --output FILE`, { cause });
  }
}

/** What a start would say of the file. */
async function problemsOf({ settings, secrets }: Written): Promise<readonly string[]> {
  const flags = new Map(
    [...secrets].map(([flag, path]) => [
      flag
        .replace(/-file$/, "")
        .replaceAll("-", "_")
        .toUpperCase(),
      path,
    ]),
  );
  try {
    await loadSettings({
      ...{ flags, environment: {}, settingsFile: settings },
      readFile: (path) => readFile(path, "utf8"),
    });
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

type Report = {
  readonly draft: Draft;
  readonly without: readonly string[];
  readonly problems: readonly string[];
  readonly print: (line: string) => void;
};

function report(written: Written, { draft, without, problems, print }: Report): void {
  print(`Wrote ${written.settings}.`);
  const own = [written.logins, ...written.secrets.values()].filter((path) => path !== undefined);
  if (own.length > 0) print(`Wrote, readable to you alone: ${own.join(", ")}.`);
  list("Without a meaning here:", without, print);
  list("Mind:", draft.notes, print);
  list("To be mended before a start:", problems, print);
}

function list(title: string, lines: readonly string[], print: Report["print"]): void {
  if (lines.length === 0) return;
  print(title);
  for (const line of lines) print(`  ${line}`);
}

function commandFor({ settings, secrets }: Written): string {
  const flags = [...secrets].map(([flag, path]) => ` --${flag} ${path}`);
  return `entrepot --config ${settings}${flags.join("")}`;
}
