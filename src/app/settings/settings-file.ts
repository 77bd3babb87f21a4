/** The YAML file of settings: one key for each, spelled as the variable is, in either case. */
import { parseDocument, YAMLParseError } from "yaml";
import { isObject } from "./fields.ts";
import type { Raw } from "./kind.ts";
import { didYouMean } from "./nearest.ts";
import { keyOf, type Setting } from "./setting.ts";

export type SettingsFile = {
  /** By the setting's name. */
  readonly values: ReadonlyMap<string, Raw>;
  /** A sentence for each thing that is wrong; none of them quotes a value. */
  readonly problems: readonly string[];
};

export function readSettingsFile(
  path: string,
  content: string,
  settings: readonly Setting<unknown>[],
): SettingsFile {
  const values = new Map<string, Raw>();
  const read = parseYaml(content);
  if (read.problem !== undefined) return { values, problems: [`${path} ${read.problem}`] };
  if (read.value === undefined || read.value === null) return { values, problems: [] };
  if (!isObject(read.value)) {
    return { values, problems: [`${path} holds no settings; write lines such as port: 3128`] };
  }
  const problems: string[] = [];
  const names = new Map(settings.map((each) => [keyOf(each), each.name]));
  for (const [written, value] of Object.entries(read.value)) {
    const key = written.toLowerCase().replaceAll("-", "_");
    const name = names.get(key);
    if (name === undefined) {
      problems.push(
        `${path} has "${written}", which is no setting${didYouMean(key, names.keys())}`,
      );
    } else if (value !== null) values.set(name, value);
  }
  return { values, problems };
}

/** Any YAML or JSON text; the problem ends a sentence and quotes nothing. */
export function parseYaml(
  content: string,
): { readonly value: Raw; readonly problem?: undefined } | { readonly problem: string } {
  const document = parseDocument(content, { prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error === undefined) return { value: document.toJS() as Raw };
  const line = content.slice(0, error.pos[0]).split("\n").length;
  const what =
    error instanceof YAMLParseError && error.code === "DUPLICATE_KEY"
      ? "has the same key twice"
      : "is not valid YAML";
  return { problem: `${what} (line ${line})` };
}
