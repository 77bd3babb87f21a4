/**
 * Sockets that somebody listens on for us and that have no use here: who connects is cut off at once.
 * Left alone they would let everybody in and answer nobody.
 */
import { closeSync } from "node:fs";
import { createServer, type Server } from "node:net";

export class TurnedAway {
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** Never rejects: what cannot be listened on is closed. */
  static async open(descriptors: readonly number[]): Promise<TurnedAway> {
    const opened = await Promise.all(descriptors.map(cutOff));
    return new TurnedAway(opened.filter((one) => one !== undefined));
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }
}

function cutOff(fd: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => void socket.destroy());
    const failed = (): void => {
      close(fd);
      resolve(undefined);
    };
    try {
      server.once("error", failed).listen({ fd }, () => {
        server.off("error", failed).on("error", () => undefined);
        resolve(server);
      });
    } catch {
      failed(); // no socket that connections come to
    }
  });
}

function close(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It is closed already.
  }
}
