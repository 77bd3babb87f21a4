/**
 * The back office's own listeners: an address, 127.0.0.1:3129 unless the settings say otherwise, and a
 * socket in the data folder for commands on this machine. What it shows, with all the packages that
 * takes, is loaded at the first request.
 */
import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ownAnswerFields } from "../../protocol/http/own-answer-fields.ts";
import { DoorError } from "../door-error.ts";
import { type Refusal, refuseRequest } from "../refusal.ts";
import { clientAddress } from "../server/admission.ts";
import { keepFew } from "../server/few-connections.ts";
import { drain, OpenSockets, setLimits } from "../server/listener.ts";
import { RequestQueues } from "../server/request-queues.ts";
import type { Gate } from "./gate.ts";

/** What answers the requests that were let in. */
export interface Pages {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Ends what would go on for ever. */
  end(): Promise<void>;
}

export type BackOfficeOptions = {
  readonly gate: Gate;
  readonly load: () => Promise<Pages>;
  /** What `/readyz` says, for which nothing is loaded. */
  readonly readiness: () => { readonly status: number; readonly body: string };
  /** Undefined: there is the socket alone. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  readonly socketPath: string;
  /** Trouble that does not keep it from serving. */
  readonly onError: (sentence: string, error: unknown) => void;
};

/** More connections than anybody who looks needs. */
const mostConnections = 256;

export class BackOffice {
  readonly #options: BackOfficeOptions;
  readonly #servers: Server[] = [];
  readonly #open = new OpenSockets();
  #listening: Server | undefined;
  #pages: Promise<Pages> | undefined;

  private constructor(options: BackOfficeOptions) {
    this.#options = options;
  }

  /** Resolves once it listens; throws DoorError LISTEN when it cannot. */
  static async open(options: BackOfficeOptions): Promise<BackOffice> {
    const office = new BackOffice(options);
    try {
      await office.#listen();
      await office.#listenOnSocket();
      return office;
    } catch (error) {
      await office.stop(AbortSignal.abort());
      throw error;
    }
  }

  /** Undefined without a port. */
  get address(): AddressInfo | undefined {
    return this.#listening?.address() as AddressInfo | undefined;
  }

  /** Open connections, those of the socket left out. */
  connections(): Promise<number> {
    const server = this.#listening;
    if (server === undefined) return Promise.resolve(0);
    return new Promise((resolve) => server.getConnections((_, count) => resolve(count ?? 0)));
  }

  async stop(deadline: AbortSignal): Promise<void> {
    // What is still being loaded is used by nobody any more.
    await (await this.#pages?.catch(() => undefined))?.end();
    await Promise.all(this.#servers.map((server) => drain(server, this.#open, deadline)));
    await rm(this.#options.socketPath, { force: true }).catch(() => undefined);
  }

  async #listen(): Promise<void> {
    const { address, gate } = this.#options;
    if (address === undefined) return;
    const server = this.#serverFor((request) => gate.refusal(request));
    try {
      await listening(server, address);
    } catch (error) {
      throw listenError(error, address);
    }
    this.#listening = server;
  }

  /** Who can open it owns the data folder, and could do anything anyway. */
  async #listenOnSocket(): Promise<void> {
    const { socketPath: path, onError } = this.#options;
    try {
      await rm(path, { force: true });
      const server = this.#serverFor(() => undefined);
      await listening(server, { path });
      await chmod(path, 0o600);
    } catch (error) {
      onError(`commands cannot reach this server: ${path} cannot be opened`, error);
    }
  }

  #serverFor(refusalOf: (request: IncomingMessage) => Refusal | undefined): Server {
    const receive = (request: IncomingMessage, response: ServerResponse): void => {
      response.setHeaders(new Map(Object.entries(ownAnswerFields)));
      const refusal = refusalOf(request);
      if (refusal !== undefined) refuseRequest(response, refusal);
      else if (request.url === "/readyz") this.#tellReadiness(response);
      else void this.#answer(request, response);
    };
    const queues = new RequestQueues({
      reception: { receive, clientOf: clientAddress },
      // What one of them costs nobody's pull is to wait for several times.
      perTurn: 1,
      onFlood: () => undefined,
    });
    const server = createServer((request, response) => queues.receive(request, response));
    setLimits(server);
    keepFew(server, mostConnections);
    this.#servers.push(server);
    return server;
  }

  #tellReadiness(response: ServerResponse): void {
    const { status, body } = this.#options.readiness();
    response.writeHead(status, { "Content-Type": "application/json" }).end(body);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#pages ??= this.#options.load();
      (await this.#pages).handle(request, response);
    } catch (error) {
      this.#pages = undefined;
      this.#options.onError("the back office failed", error);
      refuseRequest(response, {
        status: 500,
        sentence: "the back office failed; the log says why",
      });
    }
  }
}

function listening(server: Server, where: Parameters<Server["listen"]>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function listenError(
  error: unknown,
  at: { readonly host: string; readonly port: number },
): DoorError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const where = `${at.host} port ${at.port}`;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use by another program; stop it or set ADMIN_PORT, 0 for none`,
    EACCES: `${where} may not be opened by this user; choose an ADMIN_PORT above 1023`,
    EADDRNOTAVAIL: `${at.host} is no address of this machine; set ADMIN_HOST`,
  };
  const sentence = sentences[code] ?? `${where} cannot be listened on: ${code}`;
  return new DoorError("LISTEN", sentence, { cause: error });
}
