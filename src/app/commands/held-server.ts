/** Has the server on this machine keep what was pushed as it is, for as long as its answer stays open. */
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { AskError, cannotAsk } from "./control.ts";

export type HeldServer = {
  /** A copy of the records; undefined where nothing ever was pushed. */
  readonly records: string | undefined;
  /** Throws AskError when the server has gone meanwhile. */
  readonly check: () => void;
  readonly release: () => void;
};

/** Throws AskError, NO_SERVER where none runs with this folder. */
export async function holdServer(folder: string): Promise<HeldServer> {
  const answer = await post(folder);
  const told = parsed(await firstLine(answer));
  if (answer.statusCode !== 200 || told === undefined) {
    answer.destroy();
    const why = told?.error ?? told?.message ?? `the server answered ${answer.statusCode}`;
    throw new AskError("FAILED", why);
  }
  let isOver = false;
  answer.once("close", () => (isOver = true));
  return {
    records: told.records,
    check: () => {
      if (!isOver) return;
      throw new AskError("FAILED", "the server ended in the middle of it; try again");
    },
    release: () => void answer.destroy(),
  };
}

function post(folder: string): Promise<IncomingMessage> {
  const socketPath = join(folder, "control.sock");
  const headers = { host: "localhost", "content-type": "application/json", "content-length": 2 };
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, path: "/api/v1/backups", method: "POST", headers },
      resolve,
    );
    asked.once("error", (error) => reject(cannotAsk(error, folder)));
    asked.end("{}");
  });
}

/** Or what there is of it, where the answer ends before. */
function firstLine(answer: IncomingMessage): Promise<string> {
  let text = "";
  return new Promise((resolve) => {
    answer.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      if (text.includes("\n")) resolve(text);
    });
    answer.once("close", () => resolve(text));
    answer.once("error", () => resolve(text));
  });
}

type Told = { readonly records?: string; readonly error?: string; readonly message?: string };

function parsed(text: string): Told | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
