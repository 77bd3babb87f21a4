/**
 * A listener for few. Beyond so many connections one ends for each that comes: the one idle longest, and
 * one that never asked is idle; where none is, the one whose answer is read by nobody, or else the
 * one that is being answered longest. So whoever comes gets in, and no stream ends for an idle connection.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export function keepFew(server: Server, most: number): void {
  /** With what is being answered; the one that changed longest ago first. */
  const open = new Map<Socket, ServerResponse | undefined>();
  const change = (socket: Socket, response: ServerResponse | undefined): void => {
    if (!open.delete(socket)) return;
    open.set(socket, response);
  };
  server.on("connection", (socket: Socket) => {
    if (open.size >= most) end(open, leastMissed(open));
    open.set(socket, undefined);
    socket.once("close", () => open.delete(socket));
  });
  server.prependListener("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    change(socket, response);
    response.once("close", () => {
      if (open.get(socket) === response) change(socket, undefined);
    });
  });
}

function end(open: Map<Socket, unknown>, socket: Socket | undefined): void {
  if (socket === undefined) return;
  open.delete(socket);
  socket.destroy();
}

function leastMissed(open: ReadonlyMap<Socket, ServerResponse | undefined>): Socket | undefined {
  let unread: Socket | undefined;
  for (const [socket, response] of open) {
    if (response === undefined) return socket;
    if (socket.writableLength > 0) unread ??= socket;
  }
  const [oldest] = open.keys();
  return unread ?? oldest;
}
