/** The YAML file of settings: one key for each, spelled as the variable is, in either case. */
import { type Document, type ErrorCode, parseDocument, visit } from "yaml";
import { isObject } from "./fields.ts";
import type { Raw } from "./kind.ts";
import { didYouMean } from "./nearest.ts";
import { keyOf, type Setting } from "./setting.ts";
import { shown } from "./shown.ts";

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
        `${path} has ${shown(written)}, which is no setting${didYouMean(key, names.keys())}`,
      );
    } else if (value !== null) values.set(name, value);
  }
  return { values, problems };
}

/** What is wrong, by yaml's code. None of these quotes the text, which may hold secrets. */
const reasons: Partial<Record<ErrorCode, string>> = {
  BAD_DQ_ESCAPE: "a backslash between double quotes has to be doubled",
  BAD_INDENT: "a bracket is left open, or the indentation is wrong",
  BAD_SCALAR_START: "a value that begins with this character needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "the indentation is wrong, or a value with a colon in it needs quotes",
  DUPLICATE_KEY: "this key stands there twice",
  MISSING_CHAR: "a quote, a comma or a colon is missing",
  MULTILINE_IMPLICIT_KEY: "a colon is missing after a key",
  MULTIPLE_DOCS: "there is a second document",
  TAB_AS_INDENT: "a tab stands where blanks are needed",
  UNEXPECTED_TOKEN: "the indentation is wrong",
};

/** Any YAML or JSON text; the problem ends a sentence and quotes nothing. */
export function parseYaml(
  content: string,
): { readonly value: Raw; readonly problem?: undefined } | { readonly problem: string } {
  const document = parseDocument(content, { prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    return { problem: problemAt(content, error.pos[0], reasons[error.code]) };
  }
  const star = unknownAlias(document);
  if (star === undefined) return { value: document.toJS() as Raw };
  return { problem: problemAt(content, star, "a value that begins with * needs quotes") };
}

function problemAt(content: string, position: number, reason: string | undefined): string {
  const before = content.slice(0, Math.min(position, content.trimEnd().length));
  const column = before.length - before.lastIndexOf("\n");
  const where = `line ${before.split("\n").length}, column ${column}`;
  const language = /^\s*[[{]/.test(content) ? "JSON" : "YAML";
  return `is not valid ${language} (${where}${reason === undefined ? "" : `: ${reason}`})`;
}

/** Where `*name` stands for nothing: most often it is a pattern such as *.example.com. */
function unknownAlias(document: Document): number | undefined {
  let position: number | undefined;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      position = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return position;
}
