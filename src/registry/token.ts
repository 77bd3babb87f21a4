/**
 * Token requests: answered with a token of our own when the request has no login; a client's own
 * login is passed on byte for byte, and what comes back is the client's alone.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Ask } from "./ask.ts";

export class TokenRequests {
  /**
   * Whether this is a request to the token service of a registry; to be asked about everything that
   * is not a ping, nor in a repository. May ask a registry's `/v2/` for its challenge.
   */
  async isTokenRequest(_ask: Ask, _method: string): Promise<boolean> {
    return false;
  }

  /** Answers it. Throws RegistryError or UpstreamError while nothing has been written. */
  async handle(_request: IncomingMessage, _response: ServerResponse, _ask: Ask): Promise<void> {}
}
