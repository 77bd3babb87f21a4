/**
 * Kinds of settings: how the text of a flag, a variable or a YAML value becomes a typed value, and
 * what to write when it does not.
 */

import { isContent, shown } from "./shown.ts";

/** What a source gives: text, or whatever YAML can hold. */
export type Raw = unknown;

/** A part of a JSON Schema (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Text, or what YAML makes of text that looks like a number. */
export const textSchema: JsonSchema = { type: ["string", "number"] };

/** Several, as text with blanks between, as a list, or where each is a pair as a map. */
export const pairsSchema: JsonSchema = {
  anyOf: [
    textSchema,
    { type: "array", items: textSchema },
    { type: "object", additionalProperties: { type: ["string", "number", "boolean"] } },
  ],
};

/** A map of these fields and no other. */
export function mapSchema(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return { type: "object", additionalProperties: false, properties, required };
}

export function listSchema(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export type Kind<T> = {
  /** Its text, where it is text, is YAML or JSON, and `parse` gets what that holds. */
  readonly isStructured?: boolean;
  /** One word for it, as in `--port <port>`. */
  readonly word: string;
  /** What an editor is told of it in a settings file; left out, text. */
  readonly schema?: JsonSchema;
  /** Ends the sentence "PORT is "x"; write …". */
  readonly hint: string;
  /** Throws WrongValue. */
  readonly parse: (raw: Raw) => T;
};

/** A value that makes no sense. Never holds a secret: `what` is shown to whoever starts the program. */
export class WrongValue extends Error {
  readonly code = "VALUE";
  readonly hint: string | undefined;

  /** `what` follows the setting's name, as in `has "x" twice`; `hint` takes the place of the kind's own. */
  constructor(what: string, hint?: string, options?: ErrorOptions) {
    super(what, options);
    this.name = "WrongValue";
    this.hint = hint;
  }
}

/** A value that makes no sense and is quoted: what a secret holds never is. */
export class QuotedValue extends WrongValue {
  readonly quoted: Raw;

  /** `how` stands before the quoted value, `where` behind it. */
  constructor(
    [how, quoted, where = ""]: readonly [how: string, quoted: Raw, where?: string],
    hint?: string,
    options?: ErrorOptions,
  ) {
    super(`${how} ${shown(quoted)}${where}`, hint, options);
    this.name = "QuotedValue";
    this.quoted = quoted;
  }
}

/** A kind whose `read` gives undefined for text it cannot take. */
export function kind<T>(
  word: string,
  hint: string,
  read: (text: string) => T | undefined,
): Kind<T> {
  const parse = (raw: Raw): T => {
    const text = textOf(raw);
    const value = text === undefined ? undefined : read(text);
    if (value === undefined) throw new QuotedValue(["is", raw]);
    return value;
  };
  return { word, hint, parse };
}

/** Text as it is, blanks included. */
export const verbatim: Kind<string> = kind("text", "text", (value) => value);

export const text: Kind<string> = kind("text", "text", (value) => value.trim() || undefined);

export const path: Kind<string> = kind("path", "the path of a file or folder", (value) =>
  isContent(value) ? undefined : value.trim() || undefined,
);

export const truth: Kind<boolean> = {
  ...kind("true|false", "true or false", readTruth),
  schema: { type: "boolean" },
};

function readTruth(value: string): boolean | undefined {
  const word = value.trim().toLowerCase();
  if (["true", "yes", "on", "1"].includes(word)) return true;
  return ["false", "no", "off", "0"].includes(word) ? false : undefined;
}

export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  const last = words.at(-1) ?? "";
  const hint = `${words.slice(0, -1).join(", ")} or ${last}`;
  const read = (value: string) => words.find((word) => word === value.trim().toLowerCase());
  const written = words.map((word) => (/^\d+$/.test(word) ? Number(word) : word));
  return {
    ...kind(words.join("|"), hint, read),
    schema: { enum: [...new Set([...words, ...written])] },
  } satisfies Kind<T>;
}

export function wholeNumber(from: number, to: number, what: string): Kind<number> {
  const read = (value: string) => {
    const number = /^\s*\d{1,15}\s*$/.test(value) ? Number(value) : Number.NaN;
    return number >= from && number <= to ? number : undefined;
  };
  return {
    ...kind("number", `${what} from ${from} to ${to}`, read),
    schema: { type: "integer", minimum: from, maximum: to },
  } satisfies Kind<number>;
}

export const port: Kind<number> = { ...wholeNumber(1, 65_535, "a port"), word: "port" };

/** Items between blanks or commas, or a YAML list; each must be of the kind. */
export function listOf<T>(item: Kind<T>, hint = `${item.hint}, several with blanks between`) {
  const parse = (raw: Raw): readonly T[] =>
    itemsOf(raw).map((each) => {
      try {
        return item.parse(each);
      } catch (error) {
        throw error instanceof WrongValue ? asItem(error, each) : error;
      }
    });
  const { schema: items = textSchema } = item;
  const schema = { anyOf: [textSchema, { type: "array", items }] };
  return { word: "list", hint, parse, schema } satisfies Kind<readonly T[]>;
}

function asItem(error: WrongValue, item: Raw): WrongValue {
  if (!(error instanceof QuotedValue) || error.quoted !== item) return error;
  return new QuotedValue(["has", item], error.hint, { cause: error });
}

/** The parts of a list as written. */
export function itemsOf(raw: Raw): readonly Raw[] {
  if (Array.isArray(raw)) return raw;
  const value = textOf(raw);
  if (value === undefined) throw new QuotedValue(["is", raw]);
  return value.split(/[\s,]+/).filter((item) => item !== "");
}

/** Numbers and booleans of YAML are as good as their text. */
export function textOf(raw: Raw): string | undefined {
  if (typeof raw === "string") return raw;
  return typeof raw === "number" || typeof raw === "boolean" ? String(raw) : undefined;
}
