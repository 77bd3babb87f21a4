/** A CONNECT as it goes over the wire, to read the answer as the proxy wrote it. */
import { connect } from "node:net";

export type ConnectAnswer = {
  readonly status: number;
  readonly reason: string;
  readonly body: string;
};

/** Asks the proxy on this port for `target`; reads until it closes or says 200. */
export async function rawConnect(port: number, target: string): Promise<ConnectAnswer> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(20_000, () => socket.destroy(new Error(`no answer to CONNECT ${target}`)));
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  let text = "";
  for await (const piece of socket.setEncoding("latin1")) {
    text += piece;
    if (/^HTTP\/1\.1 200/.test(text)) break;
  }
  socket.destroy();
  const [, status = "0", reason = ""] = /^HTTP\/1\.1 (\d{3}) ?([^\r]*)/.exec(text) ?? [];
  return { status: Number(status), reason, body: text.slice(text.indexOf("\r\n\r\n") + 4) };
}
