/**
 * A server with no work of ours: what Entrepot answers to a manifest's GET, head and body, and a line of
 * its log, written in batches. What Node itself costs for such an answer.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [port, keyFile, certFile, size] = process.argv.slice(2);
const key = readFileSync(keyFile ?? "");
const cert = readFileSync(certFile ?? "");
const body = Buffer.alloc(Number(size), 97);
const digest = `sha256:${"a".repeat(64)}`;
const head = [
  ...["Content-Type", "application/vnd.oci.image.manifest.v1+json"],
  ...["Content-Length", String(body.length), "Docker-Content-Digest", digest],
  ...["Docker-Distribution-Api-Version", "registry/2.0", "ETag", `"${digest}"`],
  ...["Accept-Ranges", "bytes", "X-Content-Type-Options", "nosniff"],
  ...["Cache-Status", "entrepot; hit"],
];

let lines = "";
const flush = (): void => {
  process.stdout.write(lines);
  lines = "";
};

const server = createServer({ key, cert }, (request, response) => {
  const began = performance.now();
  response.writeHead(200, head).end(body);
  const line = {
    ...{ level: "info", time: new Date().toISOString(), client: request.socket.remoteAddress },
    ...{ door: "proxy", registry: request.headers.host, repository: "fast/app" },
    ...{ method: request.method, what: request.url, status: 200, bytes: body.length },
    ...{ cache: "hit", why: "kept", open: "public", ms: Math.round(performance.now() - began) },
    msg: "request",
  };
  if (lines === "") setTimeout(flush, 50);
  lines += `${JSON.stringify(line)}\n`;
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
