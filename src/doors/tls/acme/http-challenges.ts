/**
 * The http-01 challenge (RFC 8555 §8.3): a listener of its own, usually on port 80, that answers what
 * was asked for and nothing else.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inertAnswerFields } from "../../../protocol/http/own-answer-fields.ts";
import { DoorError } from "../../door-error.ts";
import { keepFew } from "../../server/few-connections.ts";
import { drain, OpenSockets, setLimits } from "../../server/listener.ts";
import type { Challenges, Proof } from "./challenges.ts";

const root = "/.well-known/acme-challenge/";

/** Nobody has business here but the service, from a few places at once. */
const mostConnections = 200;

export class HttpChallenges implements Challenges {
  readonly type = "http-01";
  readonly #server: Server;
  readonly #answers = new Map<string, string>();

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    setLimits(this.#server);
    keepFew(this.#server, mostConnections);
    this.#server.keepAliveTimeout = 5_000;
  }

  /** On `fd` if somebody listens there already. Throws DoorError LISTEN with a sentence. */
  static async open(host: string, port: number, fd?: number): Promise<HttpChallenges> {
    const challenges = new HttpChallenges();
    const server = challenges.#server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(fd === undefined ? { host, port } : { fd }, () => resolve());
      });
    } catch (error) {
      const isV6 = error instanceof Error && "code" in error && error.code === "EAFNOSUPPORT";
      if (host === "::" && isV6) return HttpChallenges.open("0.0.0.0", port);
      throw listenError(port, error);
    }
    server.removeAllListeners("error");
    server.on("error", () => undefined);
    return challenges;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async show({ token, answer }: Proof): Promise<void> {
    this.#answers.set(token, answer);
  }

  async hide({ token }: Proof): Promise<void> {
    this.#answers.delete(token);
  }

  stop(deadline: AbortSignal): Promise<void> {
    return drain(this.#server, new OpenSockets(), deadline);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    const isRead = request.method === "GET" || request.method === "HEAD";
    const token = isRead && path.startsWith(root) ? path.slice(root.length) : "";
    const answer = this.#answers.get(token);
    const fields = { ...inertAnswerFields, "Content-Type": "text/plain" };
    response.writeHead(answer === undefined ? 404 : 200, fields);
    response.end(request.method === "HEAD" ? undefined : (answer ?? "nothing here\n"));
  }
}

function listenError(port: number, cause: unknown): DoorError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const what = `port ${port}, where http-01 challenges are answered, cannot be listened on`;
  const advice = "set ACME_HTTP_PORT, or ACME_CHALLENGE to dns-01";
  return new DoorError("LISTEN", `${what} (${reason}); ${advice}`, { cause });
}
