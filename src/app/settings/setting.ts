/**
 * A setting, declared once: its name gives its flag, its environment variable and its key in the
 * YAML file; its help goes to `--help` and to the reference.
 */
import type { Kind } from "./kind.ts";

export type Setting<T> = {
  /** As the environment spells it. */
  readonly name: string;
  readonly kind: Kind<T>;
  /** As it would be written; undefined when there is none. */
  readonly default: string | undefined;
  /** One or more sentences. */
  readonly help: string;
  /** Never on the command line, never shown; may come from the file that NAME_FILE names. */
  readonly isSecret: boolean;
  /** False where `--name` and `NAME_FILE` mean something else. */
  readonly hasFlag: boolean;
  /** The variables it is read from, the first that is set. */
  readonly environment: readonly string[];
};

/** Settings that belong together, under a title. */
export type Group = {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting<unknown>>>;
};

export type ValuesOf<G extends Group["settings"]> = {
  readonly [K in keyof G]: G[K] extends Setting<infer T> ? T : never;
};

type Declaration<T> = {
  readonly name: string;
  readonly kind: Kind<T>;
  readonly help: string;
  readonly isSecret?: boolean;
  readonly hasFlag?: boolean;
  readonly environment?: readonly string[];
};

/** A setting that always has a value. */
export function setting<T>(declared: Declaration<T> & Pick<Setting<T>, "default">): Setting<T> {
  return { isSecret: false, hasFlag: true, environment: [declared.name], ...declared };
}

/** A setting that may be left out. */
export function optional<T>(declared: Declaration<T>): Setting<T | undefined> {
  return setting<T | undefined>({ ...declared, default: undefined });
}

/** `--tls-port`; a secret's flag takes the file that holds it, since others can read a command line. */
export function flagOf({ name, isSecret, hasFlag }: Setting<unknown>): string | undefined {
  if (!hasFlag) return undefined;
  const words = name.toLowerCase().replaceAll("_", "-");
  return isSecret ? `--${words}-file` : `--${words}`;
}

/** The variable that names the file a secret is read from. */
export function fileVariableOf({ name, isSecret, hasFlag }: Setting<unknown>): string | undefined {
  return isSecret && hasFlag ? `${name}_FILE` : undefined;
}

/** `tls_port`. */
export function keyOf({ name }: Setting<unknown>): string {
  return name.toLowerCase();
}
