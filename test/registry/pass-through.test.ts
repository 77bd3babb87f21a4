import { createHash } from "node:crypto";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { eventually } from "../support/eventually.ts";
import { bytesOf, startRig, upstreamAnswer } from "./rig.ts";

const upload = "/v2/a/b/blobs/uploads/4f2e?_state=x%2Fy";

describe("a push through the proxy", () => {
  it("streams a large chunked PATCH at the upstream's pace and passes the answer on unchanged", async () => {
    const piece = bytesOf(256 * 1024);
    const pieces = 256;
    let offered = 0;
    let taken = 0;
    let furthestAhead = 0;
    async function* body() {
      for (let index = 0; index < pieces; index += 1) {
        offered += piece.length;
        yield piece;
      }
    }
    const hash = createHash("sha256");
    const rig = await startRig({
      send: async (request) => {
        for await (const chunk of request.body ?? []) {
          furthestAhead = Math.max(furthestAhead, offered - taken);
          hash.update(chunk);
          taken += chunk.length;
          // A slow upstream: the client must feel it.
          if (taken % (1024 * 1024) < chunk.length) await turn();
        }
        return upstreamAnswer(202, {
          location: "https://registry.example/v2/a/b/blobs/uploads/4f2e?_state=z",
          range: `0-${taken - 1}`,
          "docker-upload-uuid": "4f2e",
          "content-length": "0",
        });
      },
    });
    const answer = await rig.fetch(upload, {
      method: "PATCH",
      headers: { "transfer-encoding": "chunked", authorization: "Bearer CANARY-client" },
      body: body(),
    });
    const expected = createHash("sha256");
    for (let index = 0; index < pieces; index += 1) expected.update(piece);
    expect(hash.digest("hex")).toBe(expected.digest("hex"));
    expect(answer.status).toBe(202);
    expect(answer.headers.location).toBe(
      "https://registry.example/v2/a/b/blobs/uploads/4f2e?_state=z",
    );
    expect(answer.headers.range).toBe(`0-${pieces * piece.length - 1}`);
    // What is on its way is bounded by the sockets' buffers, not by the size of the push.
    expect(furthestAhead).toBeLessThan((pieces * piece.length) / 2);
    expect(rig.events).toMatchObject([{ received: pieces * piece.length, status: 202 }]);
    expect(rig.sent[0]).toMatchObject({
      method: "PATCH",
      target: upload,
      access: { kind: "client", authorization: "Bearer CANARY-client" },
      redirects: "pass",
    });
  });

  it("keeps the length of a body that has one, and leaves out what is the proxy's own", async () => {
    let body = "";
    const rig = await startRig({
      send: async (request) => {
        for await (const chunk of request.body ?? []) body += Buffer.from(chunk).toString();
        return upstreamAnswer(201);
      },
    });
    const answer = await rig.fetch(`${upload}&digest=x`, {
      method: "PUT",
      headers: {
        "content-length": "5",
        "content-range": "0-4",
        "proxy-authorization": "Basic CANARY-proxy",
        connection: "x-hop",
        "x-hop": "1",
        "accept-encoding": "gzip",
      },
      body: "hello",
    });
    expect([answer.status, body]).toEqual([201, "hello"]);
    const headers = Object.fromEntries(rig.sent[0]?.headers ?? []);
    expect(headers).toMatchObject({
      "content-length": ["5"],
      "content-range": ["0-4"],
      "accept-encoding": ["identity"],
    });
    for (const name of ["proxy-authorization", "connection", "x-hop", "host", "authorization"]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it("that asks Expect: 100-continue hears it, and the upstream never does", async () => {
    const rig = await startRig({
      send: async (request) => {
        for await (const _ of request.body ?? []);
        return upstreamAnswer(202);
      },
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(
      `PATCH ${upload} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
    let heard = "";
    for await (const chunk of socket) {
      heard += chunk.toString();
      if (heard === "HTTP/1.1 100 Continue\r\n\r\n") socket.write("abc");
    }
    expect(heard).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /);
    expect(rig.sent[0]?.headers.has("expect")).toBe(false);
    expect(rig.events).toMatchObject([{ received: 3 }]);
  });

  it("that the upstream refuses before it has read all is told so", async () => {
    const rig = await startRig({
      send: async (request) => {
        for await (const _ of request.body ?? []) break;
        return upstreamAnswer(401, { "www-authenticate": "Basic", "content-length": "0" });
      },
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(
      `PATCH ${upload} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    );
    let heard = "";
    for await (const chunk of socket) heard += chunk.toString();
    expect(heard).toMatch(/^HTTP\/1\.1 401 /);
    expect(heard).toMatch(/\r\nConnection: close\r\n/);
  });

  it("of a client that stops sending is given up, and the upstream's request with it", async () => {
    let ended: unknown;
    const rig = await startRig({
      parts: { bodyIdle: 100 },
      send: async (request) => {
        try {
          for await (const _ of request.body ?? []);
        } catch (error) {
          ended = error;
          throw error;
        }
        return upstreamAnswer(202);
      },
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(`PATCH ${upload} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc`);
    await eventually(() => expect(rig.events).toHaveLength(1));
    expect(ended).toMatchObject({ message: "the client stopped sending" });
    socket.destroy();
  });

  it("outlasts an upstream that takes its time, since only the client's pauses count", async () => {
    const rig = await startRig({
      parts: { bodyIdle: 500 },
      send: async (request) => {
        for await (const _ of request.body ?? []) {
          await new Promise((resolve) => setTimeout(resolve, 900));
        }
        return upstreamAnswer(201);
      },
    });
    const answer = await rig.fetch(upload, { method: "PUT", body: "hello" });
    expect(answer.status).toBe(201);
  });

  it("that fails upstream is a registry error, without the client's login in it", async () => {
    const rig = await startRig({
      send: async () => {
        throw new UpstreamError("CONNECT", "registry.example", "Bearer CANARY-client was refused");
      },
    });
    const answer = await rig.fetch("/v2/a/b/blobs/uploads/", {
      method: "POST",
      headers: { authorization: "Bearer CANARY-client" },
    });
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain("CANARY");
    expect(JSON.stringify(rig.events)).not.toContain("CANARY");
  });
});

describe("what is no registry request", () => {
  it("passes through with the client's own fields, compressed if it likes", async () => {
    const rig = await startRig({ send: async () => upstreamAnswer(200, {}, "page") });
    const answer = await rig.fetch("/some/page?x=1", { headers: { "accept-encoding": "gzip" } });
    expect(answer.text).toBe("page");
    expect(rig.sent[0]).toMatchObject({ target: "/some/page?x=1", access: { kind: "none" } });
    expect(rig.sent[0]?.headers.get("accept-encoding")).toEqual(["gzip"]);
  });
});
