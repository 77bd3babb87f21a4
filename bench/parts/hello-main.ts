/**
 * The bare answer our own is held against: the same bytes from `node:https` (first port), and from
 * a CONNECT that is wrapped in a TLSSocket (second port), with an EC certificate and nothing else.
 */
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:https";
import { createSecureContext, TLSSocket } from "node:tls";

const [httpsPort, connectPort, keyFile, certFile, size] = process.argv.slice(2);
const key = readFileSync(keyFile ?? "");
const cert = readFileSync(certFile ?? "");
const body = Buffer.alloc(Number(size), 97);
const headers = { "content-type": "application/json", "content-length": body.length };

const https = createServer({ key, cert }, (_request, response) => {
  response.writeHead(200, headers).end(body);
});
https.listen(Number(httpsPort), "127.0.0.1");

const secureContext = createSecureContext({ key, cert });
const http = createHttp((_request, response) => {
  response.writeHead(200, headers).end(body);
});
http.on("connect", (_request, socket) => {
  socket.on("error", () => socket.destroy());
  socket.write("HTTP/1.1 200 OK\r\n\r\n");
  const tls = new TLSSocket(socket as import("node:net").Socket, { isServer: true, secureContext });
  tls.on("error", () => tls.destroy());
  http.emit("connection", tls);
});
http.listen(Number(connectPort), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
