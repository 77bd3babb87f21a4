/** `GET /v2/`: answered from the remembered challenge, so that a pull of what is kept asks nobody. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Ask } from "../ask.ts";

export class Ping {
  /** Answers it. Throws RegistryError or UpstreamError while nothing has been written. */
  async handle(_request: IncomingMessage, _response: ServerResponse, _ask: Ask): Promise<void> {}
}
