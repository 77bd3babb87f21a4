/**
 * One connection to a server that keeps records, opened again by itself when it is lost. Every ask ends
 * within 200 ms, and at once while there is none. An ask that gets no answer ends its connection, and
 * the next one first ends what the server may still do for those before it: no late write comes after
 * a newer one.
 */
import type { Clock } from "../runtime/clock.ts";
import { afterWaiting } from "../runtime/deadline.ts";
import { StoreError, storeErrorFrom } from "./store-error.ts";
import type { ObserveStore, RecordOperation } from "./store-event.ts";

export interface ServerClient {
  /** Resolves with the reason once nothing can be asked any more. */
  readonly lost: Promise<unknown>;
  /** Ends it in this tick. Never throws. */
  end(): void;
}

export type ServerConnectionOptions<Client> = {
  /** What is away when it is away. */
  readonly what: "the records" | "the records of pushes";
  /** The server's address, without any login. */
  readonly where: string;
  /** Connects. `before`: connections that were lost, whose writes must come to an end first. */
  readonly open: (before: readonly Client[]) => Promise<Client>;
  /** Whether what the server said means that it has to be connected to anew. */
  readonly isOver: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly observe?: ObserveStore | undefined;
};

/** What records on a server are opened with: which it is, and what their connection needs. */
export type ServedOptions<Server> = Pick<
  ServerConnectionOptions<unknown>,
  "where" | "clock" | "observe"
> & { readonly server: Server };

export type RecordsQuestion = {
  readonly operation: RecordOperation;
  /** Follows "cannot". */
  readonly what: string;
};

/** Milliseconds. */
const longestAsk = 200;
const longestOpening = 1_000;
const untilNextOpening = 500;

/** The server did not answer in time. */
class Late extends Error {
  readonly code = "LATE";

  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`);
    this.name = "Late";
  }
}

export class ServerConnection<Client extends ServerClient> {
  readonly #options: ServerConnectionOptions<Client>;
  #client: Client | undefined;
  /** Why there is none. */
  #away: StoreError;
  /** Since when those who wait for it know of no connection. */
  #awaySince: number | undefined;
  #before: readonly Client[] = [];
  #opening: Promise<void> = Promise.resolve();
  #cancelOpening: (() => void) | undefined;
  #isClosed = false;

  constructor(options: ServerConnectionOptions<Client>) {
    this.#options = options;
    this.#away = this.#awayError(new Error("not connected yet"));
  }

  /** Resolves once it is open, or after a second without; then it is opened later. */
  async start(): Promise<void> {
    await this.#open();
  }

  /** Why nothing can be asked for now. */
  get away(): StoreError | undefined {
    return this.#client === undefined ? this.#away : undefined;
  }

  /** Throws StoreError; one that `work` throws goes through as it is. */
  async ask<Result>(
    { operation, what }: RecordsQuestion,
    work: (client: Client) => Promise<Result>,
  ): Promise<Result> {
    const client = this.#client;
    if (client === undefined) throw this.#away;
    const { clock, observe, where } = this.#options;
    const from = clock.steady();
    const tell = (error?: unknown): void =>
      observe?.({ kind: "recordsAsked", operation, milliseconds: clock.steady() - from, error });
    try {
      const result = await within(clock, longestAsk, work(client));
      tell();
      return result;
    } catch (error) {
      tell(error);
      if (error instanceof Late || this.#options.isOver(error)) this.#lose(client, error);
      if (error instanceof StoreError) throw error;
      const sentence = `cannot ${what}; ${where}: ${reasonOf(error)}`;
      throw storeErrorFrom(error, "RECORDS", sentence);
    }
  }

  /** Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelOpening?.();
    await this.#opening;
    this.#client?.end();
    this.#client = undefined;
    this.#away = this.#awayError(new Error("closed"));
  }

  #open(): Promise<void> {
    this.#opening = this.#tryOpening();
    return this.#opening;
  }

  async #tryOpening(): Promise<void> {
    try {
      const opening = this.#options.open(this.#before);
      const client = await within(this.#options.clock, longestOpening, opening, (late) =>
        late.end(),
      );
      if (this.#isClosed) client.end();
      else this.#take(client);
    } catch (error) {
      this.#planOpening(error);
    }
  }

  #take(client: Client): void {
    const { observe, clock } = this.#options;
    this.#client = client;
    this.#before = [];
    void client.lost.then((reason) => this.#lose(client, reason));
    if (this.#awaySince === undefined) return;
    observe?.({ kind: "recordsBack", milliseconds: Math.round(clock.steady() - this.#awaySince) });
    this.#awaySince = undefined;
  }

  #lose(client: Client, reason: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#before = [client];
    client.end();
    this.#planOpening(reason);
  }

  #planOpening(reason: unknown): void {
    this.#away = this.#awayError(reason);
    if (this.#isClosed) return;
    const { clock, observe } = this.#options;
    // One line for an outage, however often it is tried.
    if (this.#awaySince === undefined) {
      this.#awaySince = clock.steady();
      observe?.({ kind: "recordsLost", error: this.#away, retryIn: untilNextOpening });
    }
    this.#cancelOpening = clock.after(untilNextOpening, () => {
      void this.#open();
    });
  }

  #awayError(reason: unknown): StoreError {
    const { what, where } = this.#options;
    const sentence = `${what} are away; ${where}: ${reasonOf(reason)}`;
    return storeErrorFrom(reason, "RECORDS", sentence);
  }
}

/** Throws Late; what comes after that is given to `tooLate`, and its failure is nobody's any more. */
function within<Result>(
  clock: Clock,
  milliseconds: number,
  work: Promise<Result>,
  tooLate: (result: Result) => void = () => undefined,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const cancel = afterWaiting(clock, milliseconds, () => {
      isLate = true;
      reject(new Late(milliseconds));
    });
    work.then(
      (result) => {
        cancel();
        if (isLate) tooLate(result);
        else resolve(result);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}

/** Of several addresses tried, each has a reason of its own. */
function reasonOf(reason: unknown): string {
  if (reason instanceof AggregateError && reason.message === "") {
    return reason.errors.map(reasonOf).join("; ");
  }
  return reason instanceof Error ? reason.message : String(reason);
}
