/** A token service that says 429, or said so a moment ago and is left alone. */
import { Readable } from "node:stream";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { RegistryResponse } from "../registry-client.ts";
import { UpstreamError } from "../upstream-error.ts";

/** Carries the answer, to be given to who asked as if the registry itself had said it. */
export class TokenLimited extends UpstreamError {
  readonly headers: HeaderList;
  readonly body: Buffer;

  constructor(host: string, answer: { readonly headers: HeaderList; readonly body: Buffer }) {
    super("DOWN", host, `the token service ${host} answered 429`);
    this.headers = answer.headers;
    this.body = answer.body;
  }
}

/** Who cannot have a token now is answered as if the registry itself had said so. */
export function limitedAnswer(error: unknown): RegistryResponse {
  if (!(error instanceof TokenLimited)) throw error;
  const { headers, body } = error;
  return { status: 429, headers, body: Readable.from([body]) };
}
