import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkHealth, type HealthParts } from "../../../src/app/commands/health.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

async function ask(
  listener: RequestListener | undefined,
  host = "127.0.0.1",
  { timeout = 5_000, ...more }: Partial<HealthParts> = {},
) {
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
  const code = await checkHealth({
    ...{ place: { host, port }, isJson: true, timeout, print: tell, fail: tell, ...more },
  });
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

  it("says the state in words, a reason a line", async () => {
    const body = JSON.stringify({ status: "degraded", reasons: ["the disk is full"] });
    expect(await ask((_, response) => response.end(body), "127.0.0.1", { isJson: false })).toEqual({
      code: 0,
      told: "degraded\n  the disk is full",
    });
  });

  it("asks until it is ready where it is told to wait", async () => {
    let asked = 0;
    const listener: RequestListener = (_, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200);
      response.end(JSON.stringify({ status: asked < 3 ? "starting" : "ready" }));
    };
    const { code } = await ask(listener, "127.0.0.1", { wait: 60_000 });
    expect([code, asked]).toEqual([0, 3]);
  });

  it("is asked by the socket in the data folder, and 3 where that is not", async () => {
    const socketPath = join(await temporaryFolder(), "control.sock");
    const told: string[] = [];
    const tell = (line: string) => void told.push(line);
    const parts = { place: { socketPath }, print: tell, fail: tell };
    expect(await checkHealth(parts)).toBe(3);
    const server = createServer((_, response) => response.end('{"status":"ready"}'));
    server.listen(socketPath);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    expect(await checkHealth(parts)).toBe(0);
    expect(told).toEqual([
      `nothing listens at ${socketPath}; start it, or write --data-dir with the folder that it has`,
      "ready",
    ]);
  });

  it("is 1 with the server's own words when it is not", async () => {
    const told = await ask((request, response) => {
      response.writeHead(503).end(`{"status":"stopping","reasons":["${request.url}"]}\n`);
    });
    expect(told).toEqual({
      code: 1,
      told: '{"status":"stopping","reasons":["/readyz"]}',
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
      "127.0.0.1:PORT does not answer (HPE_INVALID_CONSTANT); write HOST and PORT as the server has them",
    ]);
  });

  it("is 3 when nobody listens, and 1 when nobody answers in time", async () => {
    expect(await ask(undefined)).toEqual({
      code: 3,
      told: "nothing listens at 127.0.0.1:PORT; start it, or write HOST and PORT as the server has them",
    });
    expect(await ask(() => undefined, "127.0.0.1", { timeout: 50 })).toEqual({
      code: 1,
      told: "127.0.0.1:PORT does not answer within 0.05 s",
    });
  });
});
