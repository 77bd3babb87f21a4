/**
 * Reads the settings: flags before the environment, before the file a secret lies in, before the
 * settings file, before the default. Everything that is wrong is told at once, a sentence each.
 */
import { CredentialError } from "../../upstream/auth/credential-error.ts";
import { contradictions } from "./checks.ts";
import { QuotedValue, type Raw, WrongValue } from "./kind.ts";
import { leftBehind, quoted } from "./left-behind.ts";
import { nearMisses } from "./near-misses.ts";
import { fileVariableOf, flagOf, type Group, keyOf, type Setting } from "./setting.ts";
import { allSettings, groups, type Settings } from "./settings.ts";
import { SettingsError } from "./settings-error.ts";
import { shownPath } from "./shown.ts";
import { worthMinding } from "./worth-minding.ts";

export type SettingSources = {
  /** By setting name; of a secret, the path of its file. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether a variable is from the file of `--env-file`. */
  readonly isFromEnvFile?: (name: string) => boolean;
  /** The settings file, when there is one. */
  readonly settingsFile: string | undefined;
  readonly readFile: (path: string) => Promise<string>;
};

export type SettingOrigin =
  | "flag"
  | "environment"
  | "env file"
  | "secret file"
  | "settings file"
  | "default";

export type Loaded = {
  readonly settings: Settings;
  /** Where each setting's value comes from, by name. */
  readonly origins: ReadonlyMap<string, SettingOrigin>;
  /** What was written, by name; nothing for secrets. */
  readonly written: ReadonlyMap<string, Raw>;
  /** What is probably not as it was meant, a sentence each. */
  readonly warnings: readonly string[];
  /** Files that were read, to be watched for changes. */
  readonly files: readonly string[];
  /** Those that a secret was read from, by its setting. */
  readonly secretFiles: ReadonlyMap<string, string>;
};

/** A value before it is parsed, and what a sentence about it calls it. */
type FoundValue = { readonly raw: Raw; readonly origin: SettingOrigin; readonly label: string };

/** Throws SettingsError. */
export async function loadSettings(sources: SettingSources): Promise<Loaded> {
  const reading = new SettingsReading(sources);
  await reading.readSettingsFile();
  const settings: Record<string, Record<string, unknown>> = {};
  for (const [group, { settings: members }] of Object.entries<Group>(groups)) {
    const values: Record<string, unknown> = {};
    for (const [key, setting] of Object.entries(members)) values[key] = await reading.read(setting);
    settings[group] = values;
  }
  if (reading.problems.length > 0) throw new SettingsError(reading.problems);
  const complete = settings as Settings;
  const sentences = contradictions(complete).map((each) => reading.located(each));
  if (sentences.length > 0) throw new SettingsError(sentences);
  const { origins, written, files, secretFiles } = reading;
  const { environment } = sources;
  const own = variables();
  const warnings = [
    ...reading.warnings,
    ...worthMinding(complete),
    ...nearMisses(environment, own),
    ...leftBehind(environment, own),
    ...quoted(environment, own),
  ];
  return { settings: complete, origins, written, warnings, files, secretFiles };
}

/** Every variable that means something. */
function variables(): readonly string[] {
  const names = allSettings().flatMap((each) => [...each.environment, fileVariableOf(each) ?? []]);
  return [...names.flat(), "CONFIG_FILE", "OLD_SETUP"];
}

class SettingsReading {
  readonly problems: string[] = [];
  readonly origins = new Map<string, SettingOrigin>();
  readonly written = new Map<string, Raw>();
  readonly files: string[] = [];
  readonly warnings: string[] = [];
  readonly secretFiles = new Map<string, string>();
  readonly #sources: SettingSources;
  #fromFile: ReadonlyMap<string, Raw> = new Map();

  constructor(sources: SettingSources) {
    this.#sources = sources;
  }

  async readSettingsFile(): Promise<void> {
    const { settingsFile: path } = this.#sources;
    if (path === undefined) return;
    const content = await this.#readFile(path, "the settings file");
    if (content === undefined) return;
    // Loaded only when needed: YAML costs ten megabytes.
    const { readSettingsFile } = await import("./settings-file.ts");
    const { values, problems } = readSettingsFile(path, content, allSettings());
    this.#fromFile = values;
    this.problems.push(...problems);
  }

  /** The value, or undefined once its problem is noted. */
  async read(setting: Setting<unknown>): Promise<unknown> {
    const found = await this.#find(setting);
    if (found === undefined) return undefined;
    this.origins.set(setting.name, found.origin);
    if (!setting.isSecret) this.written.set(setting.name, found.raw);
    try {
      const raw = setting.kind.isStructured === true ? await structureOf(found.raw) : found.raw;
      return setting.kind.parse(raw);
    } catch (error) {
      this.problems.push(
        error instanceof CredentialError
          ? this.located(error.message)
          : sentence(error, found, setting),
      );
      return undefined;
    }
  }

  /** A sentence about secrets, with the file that each was read from. */
  located(text: string): string {
    let located = text;
    for (const [name, path] of this.secretFiles) {
      located = located.replace(new RegExp(`\\b${name}\\b`), () => `${name} (in ${path})`);
    }
    return located;
  }

  async #find(setting: Setting<unknown>): Promise<FoundValue | undefined> {
    const { flags, environment, settingsFile } = this.#sources;
    const flag = flags.get(setting.name);
    const label = flagOf(setting) ?? setting.name;
    if (flag !== undefined && setting.isSecret) return this.#secret(setting, flag, label);
    if (flag !== undefined) return { raw: flag, origin: "flag", label };
    // An empty variable is how env files leave a setting out.
    const variable = setting.environment.find((name) => (environment[name] ?? "") !== "");
    if (variable !== undefined) {
      const origin = this.#sources.isFromEnvFile?.(variable) ? "env file" : "environment";
      return { raw: environment[variable], origin, label: variable };
    }
    const fileVariable = fileVariableOf(setting) ?? "";
    const secretFile = environment[fileVariable] ?? "";
    if (secretFile !== "") return this.#secret(setting, secretFile, fileVariable);
    const written = this.#fromFile.get(setting.name);
    if (written !== undefined) {
      const key = `${keyOf(setting)} in ${settingsFile}`;
      return { raw: written, origin: "settings file", label: key };
    }
    if (setting.default === undefined) return undefined;
    return { raw: setting.default, origin: "default", label: setting.name };
  }

  async #secret(
    { name }: Setting<unknown>,
    path: string,
    variable: string,
  ): Promise<FoundValue | undefined> {
    // The secret itself may stand where its file should: only what is surely a path is shown.
    const isPath = /^(?:\.{0,2}|~)\//.test(path);
    const content = await this.#readFile(path, variable, isPath);
    if (content === undefined) return undefined;
    const label = `${variable} ${path}`;
    if (content.trim() === "") this.warnings.push(`${label} is empty`);
    this.secretFiles.set(name, path);
    return { raw: content.replace(/\r?\n$/, ""), origin: "secret file", label };
  }

  async #readFile(path: string, what: string, isPath = true): Promise<string | undefined> {
    this.files.push(path);
    try {
      return await this.#sources.readFile(path);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      const named = isPath ? shownPath(path) : undefined;
      const shownAs = named === undefined ? what : `${what} ${named}`;
      this.problems.push(`${shownAs} cannot be read (${code}); write the path of a readable file`);
      return undefined;
    }
  }
}

async function structureOf(raw: Raw): Promise<Raw> {
  if (typeof raw !== "string") return raw;
  // What nobody changed is not worth loading a parser for.
  if (raw === "[]") return [];
  // JSON is YAML too.
  const { parseYaml } = await import("./settings-file.ts");
  const read = parseYaml(raw);
  if (read.problem !== undefined) throw new WrongValue(read.problem);
  return read.value;
}

function sentence(
  error: unknown,
  { label }: FoundValue,
  { kind, isSecret }: Setting<unknown>,
): string {
  if (!(error instanceof WrongValue)) throw error;
  const what = isSecret && error instanceof QuotedValue ? "cannot be used" : error.message;
  return `${label} ${what}; write ${error.hint ?? kind.hint}`;
}
