/**
 * Reads the files of set-ups that Entrepot replaces: an env file, a compose file, the JSON list of
 * docker-registry-cache, a squid.conf. Only what stands there counts, never this machine's environment.
 */
import { dirname } from "node:path";
import { parse } from "yaml";
import { isObject } from "../../settings/fields.ts";
import { InitError } from "./draft.ts";

export type OldSetup = {
  /** Where its file lies: what paths in it begin at. */
  readonly folder: string;
  readonly variables: ReadonlyMap<string, string>;
  /** As compose writes them: `./certs:/ca`, `5000:5000`. */
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  /** The words of each line of a squid.conf. */
  readonly squid: readonly (readonly string[])[] | undefined;
};

const squidWords = /^(?:https?_port|cache_peer|cache_dir|http_access|acl|maximum_object_size)\s/m;

/** Throws InitError when it is none of these. */
export function readOldSetup(path: string, content: string): OldSetup {
  return { ...readParts(path, content), folder: dirname(path) };
}

type Parts = Omit<OldSetup, "folder">;

function readParts(name: string, content: string): Parts {
  const text = content.replace(/^\uFEFF/, "");
  const start = text.trimStart();
  if (start.startsWith("[")) return ofVariables([["CONFIG", text]]);
  if (/^services:/m.test(text) || start.startsWith("{")) return readCompose(name, text);
  if (squidWords.test(text) && !/^\w+=/m.test(text)) return readSquid(text);
  const variables = readDotenv(text);
  if (variables.length > 0) return ofVariables(variables);
  throw new InitError(
    `${name} holds nothing that is known here; write an env file, a compose file, a JSON list or a squid.conf`,
  );
}

function ofVariables(variables: Iterable<readonly [string, string]>): Parts {
  return { variables: new Map(variables), volumes: [], ports: [], squid: undefined };
}

/** As compose reads it, blanks in values that nobody quoted included; `export` and comments fall away. */
export function readDotenv(text: string): (readonly [string, string])[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, name, written] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*[=:](.*)$/.exec(line) ?? [];
    if (name === undefined || written === undefined) return [];
    return [[name, unquoted(written.trim())] as const];
  });
}

function unquoted(written: string): string {
  const [, quote, inner = ""] = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(written) ?? [];
  if (quote === "'") return inner;
  if (quote === '"') return inner.replace(/\\(["\\$])/g, "$1");
  return withoutComment(written);
}

function withoutComment(line: string): string {
  const at = line.search(/(?:^|\s)#/);
  return (at < 0 ? line : line.slice(0, at)).trimEnd();
}

/** The environment of all services together: one file is one set-up. */
function readCompose(name: string, text: string): Parts {
  const file: unknown = parsed(name, text);
  const services = isObject(file) && isObject(file.services) ? Object.values(file.services) : [];
  if (services.length === 0) throw new InitError(`${name} has no services: it is no compose file`);
  const parts = services.filter(isObject);
  return {
    variables: new Map(parts.flatMap(({ environment }) => environmentOf(environment))),
    volumes: parts.flatMap(({ volumes }) => shortForms(volumes, "source")),
    ports: parts.flatMap(({ ports }) => shortForms(ports, "published")),
    squid: undefined,
  };
}

function parsed(name: string, text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    // Its own words would quote the file.
    throw new InitError(`${name} is not valid YAML`, { cause });
  }
}

/** A map, a list of `NAME=value`, or a block of text. */
function environmentOf(environment: unknown): (readonly [string, string])[] {
  if (typeof environment === "string") return readDotenv(environment);
  if (Array.isArray(environment)) return environment.flatMap((line) => asWritten(String(line)));
  if (!isObject(environment)) return [];
  return Object.entries(environment).map(([name, value]) => [
    name,
    typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? ""),
  ]);
}

/** Quotes in an item of a list are a part of the value. */
function asWritten(line: string): (readonly [string, string])[] {
  const at = line.indexOf("=");
  return at < 1 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1)]];
}

function shortForms(list: unknown, from: "source" | "published"): string[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown) =>
    isObject(item) ? `${String(item[from] ?? "")}:${String(item.target ?? "")}` : String(item),
  );
}

function readSquid(text: string): Parts {
  const lines = text
    .split(/\r?\n/)
    .map((line) => withoutComment(line).trim())
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/));
  return { ...ofVariables([]), squid: lines };
}
