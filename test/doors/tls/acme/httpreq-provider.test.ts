import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SendJson } from "../../../../src/doors/tls/acme/cloudflare-provider.ts";
import { HttpreqProvider } from "../../../../src/doors/tls/acme/httpreq-provider.ts";

const send: SendJson = async ({ method, url, headers, body }) => {
  const options = { method, headers: { ...headers }, body: JSON.stringify(body) };
  const { status } = await fetch(url, options);
  return { status, body: undefined };
};

/** A service that keeps records and is asked the way lego asks. */
async function service(status = 200) {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers;
    asked.push([request.method, request.url, authorization, JSON.parse(await text(request))]);
    response.writeHead(status).end("ok");
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}/acme`, asked };
}

const record = ["_acme-challenge.mirror.example.com", "v"] as const;
const { signal } = new AbortController();

describe("a DNS service that speaks httpreq", () => {
  it("is told of a record and of its end, by the full name with its dot", async () => {
    const { endpoint, asked } = await service();
    const provider = new HttpreqProvider({ endpoint, send });
    await provider.set(...record, signal);
    await provider.unset(...record);
    const body = { fqdn: "_acme-challenge.mirror.example.com.", value: "v" };
    expect(asked).toEqual([
      ["POST", "/acme/present", undefined, body],
      ["POST", "/acme/cleanup", undefined, body],
    ]);
  });

  it("gets the login", async () => {
    const { endpoint, asked } = await service();
    const login = { user: "mirror", password: "CANARY-dns" };
    await new HttpreqProvider({ endpoint, login, send }).set(...record, signal);
    const basic = `Basic ${Buffer.from("mirror:CANARY-dns").toString("base64")}`;
    expect(asked).toEqual([["POST", "/acme/present", basic, expect.anything()]]);
  });

  it("that refuses is named without the login", async () => {
    const { endpoint } = await service(403);
    const login = { user: "mirror", password: "CANARY-dns" };
    const asking = new HttpreqProvider({ endpoint, login, send }).set(...record, signal);
    await expect(asking).rejects.toThrow(/^127\.0\.0\.1:\d+ says 403 to \/present$/);
  });
});
