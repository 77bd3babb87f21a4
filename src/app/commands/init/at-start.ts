/**
 * The file of a set-up that is replaced, read at each start: what `init --from` would write of it, without
 * writing anything. What is set besides goes first.
 */
import { formatHostPort, parseHostPort } from "../../../protocol/http/host-port.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { type Draft, InitError, type OldLogin } from "./draft.ts";
import { draftFrom } from "./from-file.ts";
import { settingsText } from "./written-settings.ts";

export type OldSettings = {
  /** As a settings file. */
  readonly text: string;
  /** Its secrets, by the variables that take them. */
  readonly secrets: Readonly<Record<string, string>>;
  /** A sentence for each thing that has no meaning here, or needs a look. */
  readonly warnings: readonly string[];
};

/** Throws SettingsError where it is no set-up that is known here. */
export function oldSettings(path: string, content: string): OldSettings {
  const { draft, without } = drafted(path, content);
  const unasked = draft.questions.map(({ about, otherwise }) => `${about}: ${otherwise}`);
  return {
    text: settingsText(draft, `Read of ${path}.`, undefined),
    secrets: secretsOf(draft),
    warnings: [...draft.notes, ...unasked, ...without].map((each) => `${path}: ${each}`),
  };
}

function drafted(path: string, content: string) {
  try {
    const read = draftFrom(path, content);
    const needed = read.draft.questions.find(({ isNeeded }) => isNeeded === true);
    if (needed !== undefined) throw new InitError(`${needed.about} ${needed.otherwise}`);
    if (read.draft.settings.size > 0) return read;
    throw new InitError(`${path} has none of the settings that are known here`);
  } catch (cause) {
    if (!(cause instanceof InitError)) throw cause;
    throw new SettingsError([`OLD_SETUP names a file that cannot be used: ${cause.message}`], {
      cause,
    });
  }
}

function secretsOf({ logins, secrets }: Draft): Readonly<Record<string, string>> {
  const named = [...secrets].map(([flag, value]) => [
    flag
      .replace(/-file$/, "")
      .replaceAll("-", "_")
      .toUpperCase(),
    value,
  ]);
  if (logins.length === 0) return Object.fromEntries(named);
  return {
    ...Object.fromEntries(named),
    AUTH_REGISTRIES: logins.map(entryOf).join("\n"),
    AUTH_REGISTRIES_DELIMITER: "\n",
    AUTH_REGISTRY_DELIMITER: ":",
  };
}

/** With its port, so that no user of digits is taken for one. */
function entryOf({ host, user, password }: OldLogin): string {
  const address = parseHostPort(host, 443);
  return [address === undefined ? host : formatHostPort(address), user, password].join(":");
}

/** Those of a login go together: where one of them is set otherwise, none is taken. */
export function withOldSecrets(
  environment: Readonly<Record<string, string | undefined>>,
  secrets: OldSettings["secrets"],
): Readonly<Record<string, string | undefined>> {
  const isSet = (name: string): boolean => (environment[name] ?? "") !== "";
  const isLogins = (name: string): boolean => /^AUTH_REGISTR(?:IES|Y)/.test(name);
  const hasLogins = isSet("AUTH_REGISTRIES") || isSet("AUTH_REGISTRIES_FILE");
  const taken = Object.entries(secrets).filter(
    ([name]) => !isSet(name) && !isSet(`${name}_FILE`) && !(isLogins(name) && hasLogins),
  );
  return { ...environment, ...Object.fromEntries(taken) };
}
