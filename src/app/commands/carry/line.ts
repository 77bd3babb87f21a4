/**
 * A line to the server on this machine for images that are carried: what it holds for us stays for as
 * long as its answer is open. Where none runs, one without doors is there for as long as it takes.
 */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AskError, cannotAsk, dataFolder, type ServerAsked, socketIn } from "../control.ts";

/** What the server holds for us, and under what name it is asked. */
export type Held<Told> = {
  readonly told: Told & { readonly id: string };
  readonly release: () => void;
};

type Sent = { readonly json: object } | { readonly bytes: Readable; readonly length: number };

const longestWord = 64 * 1024;

export class CarryLine {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether a server is there. Throws AskError when it may not be asked. */
  async isAnswered(): Promise<boolean> {
    const asked = request({ socketPath: socketIn(this.#folder), path: "/readyz" });
    const answered = once(asked, "response") as Promise<[IncomingMessage]>;
    asked.end();
    try {
      const [answer] = await answered;
      answer.resume();
      return true;
    } catch (error) {
      const trouble = cannotAsk(asError(error), this.#folder);
      if (isNobody(trouble)) return false;
      throw trouble;
    }
  }

  /** Throws AskError with the server's sentence. */
  async hold<Told>(path: string, json: object): Promise<Held<Told>> {
    const answer = await this.#post(path, { json });
    if (answer.statusCode !== 200) throw refusal(answer.statusCode, await textOf(answer));
    const told = parsed(await firstLine(answer)) as (Told & { readonly id: string }) | undefined;
    if (told?.id === undefined) throw new AskError("FAILED", "the server ended; run it again");
    return { told, release: () => void answer.destroy() };
  }

  /** Throws AskError with the server's sentence. */
  async read(path: string, json: object): Promise<IncomingMessage> {
    const answer = await this.#post(path, { json });
    if (answer.statusCode === 200) return answer;
    throw refusal(answer.statusCode, await textOf(answer));
  }

  /** Throws AskError with the server's sentence. */
  async send(path: string, bytes: Readable, length: number): Promise<void> {
    const answer = await this.#post(path, { bytes, length });
    const text = await textOf(answer);
    if (answer.statusCode !== 200) throw refusal(answer.statusCode, text);
  }

  async #post(path: string, sent: Sent): Promise<IncomingMessage> {
    const json = "json" in sent ? JSON.stringify(sent.json) : undefined;
    const asked = request({
      ...{ socketPath: socketIn(this.#folder), path: `/api/v1/${path}`, method: "POST" },
      headers: {
        host: "localhost",
        "content-type": json === undefined ? "application/octet-stream" : "application/json",
        "content-length": "json" in sent ? Buffer.byteLength(json ?? "") : sent.length,
      },
    });
    const answered = once(asked, "response") as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    const sending = "json" in sent ? void asked.end(json) : pipeline(sent.bytes, asked);
    try {
      // A refusal may come before all was sent, and says why the rest was not taken.
      const first = await Promise.race([answered, failureOf(sending)]);
      const [answer] = first ?? (await answered);
      return answer;
    } catch (error) {
      throw error instanceof AskError ? error : cannotAsk(asError(error), this.#folder);
    }
  }
}

/** Resolves with nothing once all was sent; a pipe that the other end closed says nothing yet. */
async function failureOf(sending: Promise<void> | undefined): Promise<undefined> {
  try {
    await sending;
  } catch (error) {
    if (!isHangUp(error)) throw error;
  }
  return undefined;
}

function isHangUp(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code === "EPIPE" || code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE";
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function refusal(status: number | undefined, text: string): AskError {
  const { error, message } = (parsed(text) ?? {}) as Readonly<Record<string, unknown>>;
  const sentence = String(error ?? message ?? `the server answered ${status}`);
  return new AskError(status === 400 ? "WRONG_USE" : "FAILED", sentence);
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of answer.setEncoding("utf8")) {
    if (text.length < longestWord) text += piece;
  }
  return text;
}

/** Or what there is of it, where the answer ends before. */
function firstLine(answer: IncomingMessage): Promise<string> {
  const pieces: string[] = [];
  return new Promise((resolve) => {
    answer.setEncoding("utf8").on("data", (piece: string) => {
      pieces.push(piece);
      if (piece.includes("\n")) resolve(pieces.join(""));
    });
    answer.once("close", () => resolve(pieces.join("")));
    answer.once("error", () => resolve(pieces.join("")));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Works with the server that runs there, or with one of our own. One that ends in the middle of it is
 * waited for by nobody: whoever starts it again wants the folder. Throws AskError.
 */
export async function onLine<Result>(
  asked: ServerAsked,
  work: (line: CarryLine) => Promise<Result>,
): Promise<Result> {
  const line = new CarryLine(dataFolder(asked));
  if (await line.isAnswered()) {
    return await work(line).catch((error: unknown) => {
      throw isNobody(error) ? ended(error) : error;
    });
  }
  const { serveAlone } = await import("./alone.ts");
  const close = await serveAlone(asked);
  try {
    return await work(line);
  } finally {
    await close();
  }
}

function isNobody(error: unknown): boolean {
  return error instanceof AskError && error.code === "NO_SERVER";
}

function ended(cause: unknown): AskError {
  return new AskError("FAILED", "the server ended in the middle of it; run it again", { cause });
}
