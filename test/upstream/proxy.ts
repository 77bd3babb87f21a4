/** A corporate proxy: CONNECT and absolute form, with a login or without. */
import { createServer, type IncomingMessage, type Server, request as send } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";

export type FakeProxy = {
  readonly server: Server;
  /** Request lines with the login that came: `CONNECT host:port Basic …`. */
  readonly seen: string[];
};

export type FakeProxyOptions = {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Instead of connecting: this status line to CONNECT, this status to GET. */
  readonly refusal?: number;
  /** Where it connects to, whatever it is asked for. */
  readonly leadsTo?: { readonly host: string; readonly port: number };
};

export function fakeProxy(options: FakeProxyOptions = {}): FakeProxy {
  const seen: string[] = [];
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  const note = ({ method, url, headers }: IncomingMessage): void => {
    seen.push([method, url, headers["proxy-authorization"]].filter(Boolean).join(" "));
  };
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    note(request);
    client.on("error", () => undefined);
    if (options.refusal !== undefined) {
      client.end(`HTTP/1.1 ${options.refusal} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const url = new URL(`http://${request.url}`);
    const target = options.leadsTo ?? { host: url.hostname, port: Number(url.port) };
    const upstream = connect(target, () => {
      client.write("HTTP/1.1 200 Connection established\r\nX-By: proxy\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  server.on("request", (request, response) => {
    note(request);
    if (options.refusal !== undefined) {
      response.writeHead(options.refusal).end();
      return;
    }
    const { "proxy-authorization": _login, ...headers } = request.headers;
    const target = options.leadsTo ?? new URL(request.url ?? "");
    const path = new URL(request.url ?? "").pathname;
    const onward = send(
      {
        host: "hostname" in target ? target.hostname : target.host,
        port: target.port,
        path,
        headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    onward.end();
  });
  return { server, seen };
}
