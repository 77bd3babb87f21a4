/** Asks the server on this machine, by the socket in its data folder. */
import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

export type Asked = {
  /** Undefined: wherever a server usually has it. */
  readonly dataDir: string | undefined;
};

export type AskErrorCode = "NO_SERVER" | "FAILED";

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
export function dataFolder({ dataDir }: Asked): string {
  if (dataDir !== undefined) return dataDir;
  const found =
    usualFolders.find((folder) => existsSync(join(folder, "control.sock"))) ??
    usualFolders.find((folder) => existsSync(join(folder, "VERSION")));
  return found ?? "./data";
}

/** With a body it is a change. Throws AskError with a sentence. */
export async function askServer(asked: Asked, path: string, body?: object): Promise<unknown> {
  const folder = dataFolder(asked);
  const { status, text } = await exchange(folder, path, body);
  const value = parsed(text);
  if (status < 400) return value;
  const told = value as { readonly error?: unknown; readonly message?: unknown };
  throw new AskError(
    "FAILED",
    String(told.error ?? told.message ?? `the server answered ${status}`),
  );
}

type Answer = { readonly status: number; readonly text: string };

function exchange(folder: string, path: string, body: object | undefined): Promise<Answer> {
  const socketPath = join(folder, "control.sock");
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
    asked.setTimeout(10_000, () => asked.destroy(new Error("no answer within 10 s")));
    asked.once("error", (error) => reject(cannotAsk(error, folder)));
    asked.end(json);
  });
}

function cannotAsk(error: Error, folder: string): AskError {
  const code = "code" in error ? String(error.code) : "";
  const sentences: Readonly<Record<string, string>> = {
    ENOENT: `no server runs with ${folder}; write --data-dir with the folder that it has`,
    ECONNREFUSED: `no server runs with ${folder}; it ended without a word, start it again`,
    EACCES: `the server in ${folder} runs as another user; ask as that user, or as root`,
  };
  const sentence = sentences[code];
  const isGone = code === "ENOENT" || code === "ECONNREFUSED";
  return new AskError(
    isGone ? "NO_SERVER" : "FAILED",
    sentence ?? `the server does not answer: ${error.message}`,
    {
      cause: error,
    },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failedBy(error, "what answers there is not Entrepot");
  }
}

export function failedBy(cause: unknown, message: string): AskError {
  return new AskError("FAILED", message, { cause });
}
