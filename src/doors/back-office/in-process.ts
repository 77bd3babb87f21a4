/** The routes of the API for a command in this very process: one meaning of a question, one check of it. */
import { addApi } from "./api.ts";
import type { Operations } from "./operations.ts";
import { openRoutes } from "./routes.ts";

export type OperationAsk = {
  /** What stands after `/api/v1/`, with its query. */
  readonly path: string;
  /** Undefined where it only reads. */
  readonly body: object | undefined;
};

export type OperationAnswer = { readonly status: number; readonly text: string };

export async function answerInProcess(
  operations: Operations,
  { path, body }: OperationAsk,
): Promise<OperationAnswer> {
  const app = openRoutes();
  try {
    addApi(app, operations);
    const url = `/api/v1/${path}`;
    const answer = await app.inject(
      body === undefined ? { url } : { url, method: "POST", payload: body },
    );
    return { status: answer.statusCode, text: answer.payload };
  } finally {
    await app.close();
  }
}
