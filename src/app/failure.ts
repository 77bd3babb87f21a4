/** What an operator reads when something cannot start: a sentence, and the exit code that goes with it. */
import { DoorError } from "../doors/door-error.ts";
import { StoreError } from "../store/store-error.ts";
import { CredentialError } from "../upstream/auth/credential-error.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { InitError } from "./commands/init/draft.ts";
import { SettingsError } from "./settings/settings-error.ts";
import { UsageError } from "./wrong-arguments.ts";

export type StartFailure = { readonly lines: readonly string[]; readonly exitCode: number };

/** sysexits.h: something about the configuration has to change. */
const configurationError = 78;
const wrongUse = 2;

export function describeFailure(error: unknown): StartFailure {
  if (error instanceof UsageError) return { lines: [error.message], exitCode: wrongUse };
  if (error instanceof SettingsError)
    return { lines: error.problems, exitCode: configurationError };
  if (error instanceof CredentialError) {
    return { lines: [error.message], exitCode: configurationError };
  }
  if (error instanceof StoreError) return storeFailure(error);
  if (error instanceof DoorError) {
    const isSetting = error.code !== "LISTEN" && error.code !== "IO";
    return { lines: [error.message], exitCode: isSetting ? configurationError : 1 };
  }
  if (error instanceof InitError) return { lines: [error.message], exitCode: 1 };
  if (error instanceof UpstreamError) return { lines: [error.message], exitCode: 1 };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`this is a bug: ${text}`], exitCode: 1 };
}

function storeFailure(error: StoreError): StartFailure {
  const { code, message } = error;
  if (code === "LOCKED") {
    const sentence = `${message}; stop it, or choose another DATA_DIR`;
    return { lines: [sentence], exitCode: 1 };
  }
  const exitCode = code === "FORMAT" ? configurationError : 1;
  return { lines: [`DATA_DIR cannot be used: ${message}`], exitCode };
}
