/**
 * One request at a time on each connection, as HTTP/1.1 answers them: those that a client pipelines
 * wait their turn here, and no more is read from it meanwhile. Of all connections so many begin in one
 * turn of the event loop, since a thousand may ask in the same moment.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { SpreadOverTicks } from "../../runtime/spread-over-ticks.ts";
import type { Admission } from "./admission.ts";
import type { Reception } from "./reception.ts";

/** One chunk can hold thousands, and its parsing cannot be stopped. apt pipelines ten. */
const mostWaiting = 32;

/** A miss keeps a fresh process busy for a millisecond; one that has run for a while, a quarter of that. */
const begunPerTurn = 16;

type Turn = { readonly request: IncomingMessage; readonly response: ServerResponse };

export type RequestQueuesOptions = {
  /** By whom a connection speaks for, clients take turns. */
  readonly reception: Pick<Reception, "receive" | "clientOf">;
  /** Hears whether somebody is being answered on a connection. */
  readonly admission?: Pick<Admission, "occupy" | "release"> | undefined;
  /** How many begin in one turn of the event loop; sixteen. */
  readonly perTurn?: number;
  /** One begins, and more wait for theirs. */
  readonly onCrowd?: () => void;
  /** A connection that held too many was cut. */
  readonly onFlood: (connection: Socket) => void;
};

export class RequestQueues {
  readonly #options: RequestQueuesOptions;
  /** Of connections that have a request running: those that wait for it. */
  readonly #waiting = new WeakMap<Socket, Turn[]>();
  readonly #turns: SpreadOverTicks;

  constructor(options: RequestQueuesOptions) {
    this.#options = options;
    this.#turns = new SpreadOverTicks(options.perTurn ?? begunPerTurn);
  }

  /** Handles the request, at once or in its turn. */
  receive(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (socket.destroyed) return;
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) {
      this.#waiting.set(socket, []);
      this.#options.admission?.occupy(socket);
      this.#start({ request, response });
    } else if (waiting.length < mostWaiting) {
      waiting.push({ request, response });
      socket.pause();
    } else {
      this.#waiting.delete(socket);
      socket.destroy();
      this.#options.onFlood(socket);
    }
  }

  /** Whether a request that came on this connection is still being answered. */
  isBusy(connection: Socket): boolean {
    return this.#waiting.has(connection);
  }

  #start({ request, response }: Turn): void {
    const { reception, onCrowd } = this.#options;
    response.once("close", () => this.#next(request.socket));
    const begin = (): void => {
      if (this.#turns.isBehind) onCrowd?.();
      if (!request.socket.destroyed) reception.receive(request, response);
    };
    this.#turns.run(begin, reception.clientOf(request.socket));
  }

  #next(socket: Socket): void {
    const waiting = this.#waiting.get(socket);
    const turn = waiting?.shift();
    // After an answer with `Connection: close` nothing more is answered.
    if (turn === undefined || socket.destroyed || socket.writableEnded) {
      this.#waiting.delete(socket);
      this.#options.admission?.release(socket);
      return;
    }
    // The last one may have a body to come, and its client may leave.
    if (waiting?.length === 0) socket.resume();
    this.#start(turn);
  }
}
