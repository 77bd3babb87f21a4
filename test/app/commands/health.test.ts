import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkHealth } from "../../../src/app/commands/health.ts";

async function ask(listener: RequestListener | undefined, host = "127.0.0.1", timeout = 5_000) {
  const server = createServer(listener);
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  if (listener === undefined) {
    server.close();
    await once(server, "close");
  }
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  const code = await checkHealth({ host, port, timeout, print: tell, fail: tell });
  return { code, told: told.join().replaceAll(String(port), "PORT") };
}

describe("entrepot health", () => {
  it.each(["127.0.0.1", "0.0.0.0"])("is 0 when the server on %s is ready", async (host) => {
    const body = '{"status":"ready","reasons":[]}';
    expect(await ask((_, response) => response.end(`${body}\n`), host)).toEqual({
      code: 0,
      told: body,
    });
  });

  it("is 1 with the server's own words when it is not", async () => {
    const told = await ask((request, response) => {
      response.writeHead(503).end(`{"status":"stopping","reasons":["${request.url}"]}\n`);
    });
    expect(told).toEqual({
      code: 1,
      told: '127.0.0.1:PORT is not ready: {"status":"stopping","reasons":["/readyz"]}',
    });
  });

  it.each([
    [200, "hello"],
    [200, "5"],
    [404, "<html>\nno such page\n</html>"],
  ])("is 1 when another program answers %d %o", async (status, body) => {
    expect(await ask((_, response) => response.writeHead(status).end(body))).toEqual({
      code: 1,
      told: "what answers at 127.0.0.1:PORT is not Entrepot; write HOST and PORT as the server has them",
    });
  });

  it("is 1 with the server's sentence when it does not let this machine in", async () => {
    const message = "192.0.2.7 may not use this proxy; add it to ALLOW_CLIENTS on the proxy";
    const body = JSON.stringify({ errors: [{ code: "DENIED", message }] });
    const told = await ask((_, response) => response.writeHead(403).end(body));
    expect(told).toEqual({ code: 1, told: `127.0.0.1:PORT refuses this client: ${message}` });
  });

  it("is 1 when what answers does not speak HTTP", async () => {
    const { code, told } = await ask((request) => request.socket.end("SSH-2.0-x\r\n"));
    expect([code, told]).toEqual([
      1,
      "127.0.0.1:PORT does not answer (HTTPParserError); write HOST and PORT as the server has them",
    ]);
  });

  it("is 1 when nobody listens, or nobody answers in time", async () => {
    expect(await ask(undefined)).toEqual({
      code: 1,
      told: "nothing listens at 127.0.0.1:PORT; start it, or write HOST and PORT as the server has them",
    });
    expect(await ask(() => undefined, "127.0.0.1", 50)).toEqual({
      code: 1,
      told: "127.0.0.1:PORT does not answer within 0.05 s",
    });
  });
});
