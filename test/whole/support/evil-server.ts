/** A TLS server that answers as a test says and keeps everything it is sent, to be searched for secrets. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Scene } from "./program.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export type EvilServer = {
  /** `host:port` */
  readonly name: string;
  readonly port: number;
  /** Every request as text, heads and bodies. */
  readonly heard: string[];
  /** How it answers; 404 until it is told otherwise. */
  answer: Handler;
  readonly close: () => void;
};

/** Its certificate is good for all these names, which lead to it; the first is its own. */
export async function evilServer(scene: Scene, ...hosts: readonly string[]): Promise<EvilServer> {
  const heard: string[] = [];
  const { cert, key } = scene.issue(...hosts);
  const server = createServer({ cert, key });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const host of hosts) if (!scene.names.has(host)) scene.names.set(host, ["127.0.0.1"]);
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const evil: EvilServer = {
    ...{ name: `${hosts[0]}:${port}`, port, heard, close },
    answer: (_request, response) => void response.writeHead(404).end(),
  };
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const at = heard.push(`${request.method} ${request.url} ${request.rawHeaders.join("\n")}`) - 1;
    request.on("data", (piece: Buffer) => {
      heard[at] += piece.toString("latin1");
    });
    response.on("error", () => undefined);
    evil.answer(request, response);
  });
  server.on("tlsClientError", () => undefined);
  return evil;
}

/** The secrets in what was heard, also where Basic has wrapped them. */
export function secretsIn(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => {
    const wrapped = [...text.matchAll(/[A-Za-z0-9+/=_-]{16,}/g)].map(([word]) =>
      Buffer.from(word, "base64").toString("latin1"),
    );
    return [text, ...wrapped].some((each) => each.includes("CANARY"));
  });
}
