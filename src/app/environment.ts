/**
 * The process's environment with the variables of `--env-file` in it, so that whatever runs here sees
 * them: settings, commands of the operator's. What the process was started with goes first, and what
 * has left the file leaves the environment when it is read again.
 */
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { readEnvFile } from "./settings/env-file.ts";
import { SettingsError } from "./settings/settings-error.ts";

export class Environment {
  readonly #variables: NodeJS.ProcessEnv;
  readonly #fromFile = new Set<string>();

  constructor(variables: NodeJS.ProcessEnv) {
    this.#variables = variables;
  }

  /** Whether the variable is from the file that was read last. */
  readonly isFromFile = (name: string): boolean => this.#fromFile.has(name);

  /** The files that were read, and what is to be minded about them. Throws SettingsError. */
  async read(
    path: string | undefined,
  ): Promise<{ readonly files: readonly string[]; readonly warnings: readonly string[] }> {
    if (path === undefined) return { files: [], warnings: [] };
    const content = await contentOf(path);
    const { variables, problems, warnings } = readEnvFile(path, content);
    if (problems.length > 0) throw new SettingsError(problems);
    for (const name of this.#fromFile) delete this.#variables[name];
    this.#fromFile.clear();
    // Node takes the flag for its own, wherever it stands, and has read the file in its own way by now.
    const byNode = parseEnv(content);
    for (const [name, value] of Object.entries(variables)) {
      if (![undefined, "", byNode[name]].includes(this.#variables[name])) continue;
      this.#variables[name] = value;
      this.#fromFile.add(name);
    }
    return { files: [path], warnings };
  }
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new SettingsError(
      [
        `--env-file names ${path}, which cannot be read (${code}); write the path of a readable file`,
      ],
      { cause },
    );
  }
}
