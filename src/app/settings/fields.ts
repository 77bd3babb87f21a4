/** Structured values of the YAML file: what fields they have, and a sentence for what they may not. */
import { itemsOf, type Kind, type Raw, WrongValue } from "./kind.ts";
import { nearest } from "./nearest.ts";

export type Fields = {
  /** The value of a field, undefined when it is left out. Throws WrongValue. */
  readonly get: <T>(name: string, kind: Kind<T>) => T | undefined;
  /** Like get, but it has to be there. */
  readonly need: <T>(name: string, kind: Kind<T>) => T;
};

export function isObject(raw: Raw): raw is Readonly<Record<string, Raw>> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw);
}

/** `name=value` each, of a list so written or of a map. */
export function pairsOf(raw: Raw): readonly string[] {
  if (!isObject(raw)) return itemsOf(raw).map(String);
  return Object.entries(raw).map(([name, value]) => `${name}=${String(value)}`);
}

/** `where` reads "entry 2"; secrets may stand in any field, so no value but a field's name is shown. */
export function readFields(raw: Raw, where: string, names: readonly string[]): Fields {
  if (!isObject(raw)) throw new WrongValue(`has no fields in ${where}`, fieldList(names));
  for (const name of Object.keys(raw)) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    const instead = meant === undefined ? fieldList(names) : `${meant} instead`;
    throw new WrongValue(`has an unknown field${called(name)} in ${where}`, instead);
  }
  const get = <T>(name: string, kind: Kind<T>): T | undefined => {
    const value = raw[name];
    if (value === undefined || value === null) return undefined;
    try {
      return kind.parse(value);
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error;
      throw wrongField(error, `${name} of ${where}`, kind.hint);
    }
  };
  const need = <T>(name: string, kind: Kind<T>): T => {
    const value = get(name, kind);
    if (value === undefined) throw new WrongValue(`has no ${name} in ${where}`, fieldList(names));
    return value;
  };
  return { get, need };
}

function wrongField(cause: WrongValue, field: string, hint: string): WrongValue {
  return new WrongValue(`cannot be read: ${field} makes no sense`, cause.hint ?? hint, { cause });
}

/** Only what can be no secret; quotes are for values, which a secret setting does not show. */
function called(name: string): string {
  return /^[a-z_]{1,40}$/i.test(name) ? ` ${name}` : "";
}

function fieldList(names: readonly string[]): string {
  return `the fields ${names.join(", ")}`;
}
