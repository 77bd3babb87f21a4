/** Asks the server on this machine, by the socket in its data folder. */
import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { SettingsSources } from "./settings-in.ts";

export type ServerAsked = SettingsSources & {
  /** Undefined: wherever a server usually has it. */
  readonly dataDir: string | undefined;
};

export type ServerQuestion = {
  /** What stands after `/api/v1/`, with its query. */
  readonly path: string;
  /** With one it is a change. */
  readonly body?: object;
  /** It may take as long as it takes. */
  readonly isLong?: boolean;
};

export type AskErrorCode = "NO_SERVER" | "NOT_ALLOWED" | "WRONG_USE" | "FAILED";

export class AskError extends Error {
  readonly code: AskErrorCode;

  constructor(code: AskErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AskError";
    this.code = code;
  }
}

const usualFolders = ["./data", "/var/lib/entrepot", "/data"];

/** The data folder that is meant: the first with a socket, or else the first there is. */
export function dataFolder({ dataDir, environment }: ServerAsked): string {
  const said = dataDir ?? (environment.DATA_DIR || undefined);
  if (said !== undefined) return said;
  const found =
    usualFolders.find((folder) => existsSync(socketIn(folder))) ??
    usualFolders.find((folder) => existsSync(join(folder, "VERSION")));
  return found ?? "./data";
}

export function socketIn(folder: string): string {
  return join(folder, "control.sock");
}

/** Throws AskError with a sentence; NO_SERVER where nobody is there to be asked. */
export async function askServer(asked: ServerAsked, question: ServerQuestion): Promise<unknown> {
  return answerOf(await exchange(dataFolder(asked), question));
}

/** The answer's value; throws AskError with the sentence of one that refuses. */
export function answerOf({ status, text }: Answer): unknown {
  const value = parsed(text);
  if (status < 400) return value;
  const told = value as { readonly error?: unknown };
  const sentence = told.error ?? `the server answered ${status}`;
  throw new AskError(codeOf(status), String(sentence));
}

function codeOf(status: number): AskErrorCode {
  if (status === 400) return "WRONG_USE";
  return status === 401 || status === 403 ? "NOT_ALLOWED" : "FAILED";
}

export type Answer = { readonly status: number; readonly text: string };

function exchange(
  folder: string,
  { path: question, body, isLong }: ServerQuestion,
): Promise<Answer> {
  const socketPath = socketIn(folder);
  const path = `/api/v1/${question}`;
  const json = body === undefined ? undefined : JSON.stringify(body);
  const fields =
    json === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(json) };
  return new Promise((resolve, reject) => {
    const method = json === undefined ? "GET" : "POST";
    const asked = request(
      { socketPath, path, method, headers: { host: "localhost", ...fields } },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on("data", (piece: Buffer) => pieces.push(piece));
        answer.once("error", reject);
        answer.once("end", () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
        );
      },
    );
    asked.setTimeout(isLong === true ? 0 : 10_000, () =>
      asked.destroy(new Error("no answer within 10 s")),
    );
    asked.once("error", (error) => reject(cannotAsk(error, folder)));
    asked.end(json);
  });
}

export function cannotAsk(error: Error, folder: string): AskError {
  const code = "code" in error ? String(error.code) : "";
  const sentences: Readonly<Record<string, string>> = {
    ENOENT: `no server runs with ${folder}; write --data-dir with the folder that it has`,
    ECONNREFUSED: `no server runs with ${folder}; it ended without a word, start it again`,
    EACCES: `the server in ${folder} runs as another user; ask as that user, or as root`,
  };
  const sentence = sentences[code];
  const codes: Readonly<Record<string, AskErrorCode>> = {
    ...{ ENOENT: "NO_SERVER", ECONNREFUSED: "NO_SERVER", EACCES: "NOT_ALLOWED" },
  };
  return new AskError(
    codes[code] ?? "FAILED",
    sentence ?? `the server does not answer: ${error.message}`,
    { cause: error },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notOurs(error);
  }
}

function notOurs(cause: unknown): AskError {
  return new AskError("FAILED", "what answers there is not Entrepot", { cause });
}
