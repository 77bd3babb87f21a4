/** Where the journey's hosts stand: their listeners and their names, which may go and come back. */
import type { Server } from "node:https";
import { Server as NetServer } from "node:net";
import { nameHosts } from "./hosts-file.ts";
import { addresses } from "./look-alikes.ts";

export class Posts {
  readonly #openers: (() => Promise<Server>)[] = [];
  /** Also those that listen no more and still have connections. */
  readonly #servers: Server[] = [];
  #loseNames: (() => void) | undefined;

  /** Opens one host. */
  add(opener: () => Promise<Server>): void {
    this.#openers.push(opener);
  }

  /** All of them, by name, in place of what is left of earlier ones. */
  async open(): Promise<void> {
    this.close();
    for (const opener of this.#openers) this.#servers.push(await opener());
    this.#loseNames ??= nameHosts(addresses);
  }

  /** Ends every connection, and new ones are refused. */
  close(): void {
    this.takeNoMore();
    for (const server of this.#servers.splice(0)) server.closeAllConnections();
  }

  takeNoMore(): void {
    for (const server of this.#servers.filter(({ listening }) => listening)) {
      // As net closes: https would end idle connections too. Its callback waits for the last one.
      NetServer.prototype.close.call(server);
    }
  }

  loseNames(): void {
    this.#loseNames?.();
    this.#loseNames = undefined;
    for (const server of this.#servers) server.closeAllConnections();
  }
}
