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
    expect(await ask((_, response) => response.end("ready\n"), host)).toEqual({
      code: 0,
      told: "ready",
    });
  });

  it("is 1 with the server's own words when it is not", async () => {
    const told = await ask((request, response) => {
      response.writeHead(503).end(`${request.url} says stopping\n`);
    });
    expect(told).toEqual({
      code: 1,
      told: "127.0.0.1:PORT is not ready: /readyz says stopping",
    });
  });

  it("is 1 when nobody listens, or nobody answers in time", async () => {
    expect(await ask(undefined)).toEqual({
      code: 1,
      told: "127.0.0.1:PORT does not answer (ECONNREFUSED)",
    });
    expect(await ask(() => undefined, "127.0.0.1", 50)).toEqual({
      code: 1,
      told: "127.0.0.1:PORT does not answer (TimeoutError)",
    });
  });
});
