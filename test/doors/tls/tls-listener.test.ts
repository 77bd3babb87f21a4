import { once } from "node:events";
import { get } from "node:https";
import { connect } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { DoorEvent } from "../../../src/doors/door-event.ts";
import { Admission } from "../../../src/doors/server/admission.ts";
import { TlsListener, type TlsListenerOptions } from "../../../src/doors/tls/tls-listener.ts";
import { type Certificate, makeCertificate } from "../../support/certificates.ts";
import { crowdAt, mostWaiting } from "../a-crowd-connects.ts";

let certificate: Certificate;
let context: SecureContext;
beforeAll(() => {
  certificate = makeCertificate(["registry.example", "127.0.0.1"]);
  context = createSecureContext(certificate);
});

describe("the TLS listener", () => {
  it("answers over TLS, with a certificate for the name asked for", async () => {
    const { port, asked } = await open();
    expect(await fetchFrom(port, "/v2/")).toEqual({ status: 200, body: "/v2/" });
    expect(asked).toEqual(["(none) 127.0.0.1", "registry.example 127.0.0.1"]);
  });

  it("keeps a connection for the next request", async () => {
    const { port } = await open();
    const tls = await secure(port);
    const ask = "GET /a HTTP/1.1\r\nHost: registry.example\r\n\r\n";
    for (const _ of [1, 2]) {
      tls.write(ask);
      expect(String(await once(tls, "data"))).toContain("200 OK");
    }
  });

  it("has room for a thousand clients that connect in one moment: none has to try again", async () => {
    const { port } = await open();
    const { waiting } = await crowdAt(port, 1_000);
    expect(waiting).toBeGreaterThanOrEqual(Math.min(1_000, mostWaiting()));
  });

  it.each([
    ["CONNECT ghcr.io:443 HTTP/1.1\r\nHost: ghcr.io:443\r\n\r\n", "CONNECT"],
    ["GET http://ghcr.io/v2/ HTTP/1.1\r\nHost: ghcr.io\r\nConnection: close\r\n\r\n", "a target"],
  ])("is no proxy: %j", async (ask) => {
    const { port, requests } = await open();
    const tls = await secure(port);
    tls.write(ask);
    expect(String(await once(tls, "data"))).toMatch(/^HTTP\/1\.1 405 /);
    expect(requests).toEqual([]);
  });

  it("speaks HTTP/1.1 alone", async () => {
    const { port } = await open();
    const tls = connectTls({
      port,
      host: "127.0.0.1",
      ca: certificate.ca,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    onTestFinished(() => void tls.destroy());
    await once(tls, "secureConnect");
    expect(tls.alpnProtocol).toBe("http/1.1");
  });

  it("lives on after a client that does not trust it", async () => {
    const { port } = await open();
    const tls = connectTls({ port, host: "127.0.0.1", servername: "registry.example" });
    await once(tls, "error");
    expect((await fetchFrom(port, "/")).status).toBe(200);
  });

  it("survives whoever speaks no TLS, says nothing or leaves at once", async () => {
    const { port, events } = await open({ handshakeTimeout: 1_000 });
    const plain = connect(port, "127.0.0.1");
    plain.write("GET / HTTP/1.1\r\n\r\n");
    const silent = connect(port, "127.0.0.1");
    const gone = connect(port, "127.0.0.1", () => gone.resetAndDestroy());
    plain.on("error", () => undefined).resume();
    silent.resume();
    await Promise.all([once(plain, "close"), once(silent, "close"), once(gone, "close")]);
    expect(events).toContainEqual(
      expect.objectContaining({ reason: "no TLS handshake in time", host: "(no name)" }),
    );
    expect((await fetchFrom(port, "/")).status).toBe(200);
  });

  it("lets go at once of a client that hangs up before the handshake is done", async () => {
    const { port } = await open({ handshakeTimeout: 600_000 });
    for (const said of ["", "\x16", "\x16\x03\x01\x02\x00\x01\x00"]) {
      const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      client.end(Buffer.from(said, "latin1"));
      client.resume();
      await once(client, "close");
    }
  });

  it("survives a certificate that cannot be had: only that handshake fails", async () => {
    let isBroken = true;
    const certificates = {
      contextFor: (name: string | undefined) => {
        if (isBroken && name !== undefined) throw new Error("no room for a key");
        return context;
      },
    };
    const { port } = await open({ certificates });
    await expect(fetchFrom(port, "/")).rejects.toThrow();
    isBroken = false;
    expect((await fetchFrom(port, "/")).status).toBe(200);
  });

  it("gives a client no more connections than it may have", async () => {
    const full = new Admission({ maxPerClient: 1 });
    full.enter = () => false;
    const { port } = await open({ admission: full });
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    await once(socket, "close");
  });

  it("finishes what it is answering before it stops", async () => {
    const gate = Promise.withResolvers<void>();
    const { port, listener } = await open({
      onRequest: (_request, response) => {
        response.write("half");
        void gate.promise.then(() => response.end(" and half"));
      },
    });
    const tls = await secure(port);
    tls.write("GET / HTTP/1.1\r\nHost: registry.example\r\n\r\n");
    await once(tls, "data");
    const stopped = listener.stop(AbortSignal.timeout(10_000));
    let rest = "";
    tls.on("data", (piece) => {
      rest += piece;
    });
    gate.resolve();
    await stopped;
    expect(rest).toContain(" and half");
  });

  it("on a port that is taken says so", async () => {
    const { port } = await open();
    await expect(open({ port })).rejects.toThrow(/in use by another program.*TLS_PORT/);
  });
});

async function open(changes: Partial<TlsListenerOptions> = {}) {
  const events: DoorEvent[] = [];
  const requests: string[] = [];
  const asked: string[] = [];
  const listener = await TlsListener.open({
    host: "127.0.0.1",
    port: 0,
    admission: new Admission(),
    onHeadTooLong: (connection) => void connection.destroy(),
    certificates: {
      contextFor: (name, address) => {
        asked.push(`${name ?? "(none)"} ${address}`);
        return context;
      },
    },
    onRequest: (request, response) => {
      requests.push(request.url ?? "");
      response.end(request.url);
    },
    observe: (event) => void events.push(event),
    onError: (error) => {
      throw error;
    },
    ...changes,
  });
  onTestFinished(() => listener.stop(AbortSignal.abort()));
  return { listener, port: listener.address.port, events, requests, asked };
}

async function secure(port: number) {
  const tls = connectTls({
    ...{ port, host: "127.0.0.1", servername: "registry.example" },
    ca: certificate.ca,
  });
  onTestFinished(() => void tls.destroy());
  await once(tls, "secureConnect");
  tls.on("error", () => tls.destroy());
  return tls;
}

async function fetchFrom(port: number, path: string) {
  const request = get({
    ...{ port, path, host: "127.0.0.1", servername: "registry.example", agent: false },
    ca: certificate.ca,
  });
  const [response] = await once(request, "response");
  let body = "";
  for await (const piece of response.setEncoding("utf8")) body += piece;
  return { status: response.statusCode, body };
}
