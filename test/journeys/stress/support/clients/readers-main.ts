/**
 * Readers who all connect in one moment and take a blob as fast as it comes, looking at nothing, so that
 * they are faster than whoever serves them: `node readers-main.ts PORT PATH READERS`. Tells on its output
 * when the first bytes have come; reads until it is killed.
 */
import { connect } from "node:net";

const [, , port, path, readers] = process.argv;
const head = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
const buffer = Buffer.alloc(65_536);
let hasBegun = false;

function read(): void {
  const callback = (): boolean => {
    if (!hasBegun) process.stdout.write("begun\n");
    hasBegun = true;
    return true;
  };
  const socket = connect({ port: Number(port), host: "127.0.0.1", onread: { buffer, callback } });
  socket.on("error", () => undefined);
  socket.once("close", read);
  socket.write(head);
}

for (let index = 0; index < Number(readers); index += 1) read();
