import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { BodyWriter, cut, SendWatch } from "../../../src/registry/answer/body-writer.ts";

async function open(): Promise<{ response: ServerResponse; socket: Socket }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const response = await new Promise<ServerResponse>((resolve) =>
    server.once("request", (_, one) => resolve(one)),
  );
  onTestFinished(() => {
    socket.destroy();
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { response, socket };
}

const usual = {
  status: 200,
  fields: ["Content-Length", "6"],
  watch: new SendWatch(60_000),
  headDelay: 60_000,
  turn: () => undefined,
  onBegun: () => undefined,
};

describe("a body writer", () => {
  it("writes the head with the first piece and counts what has left", async () => {
    const { response, socket } = await open();
    let sent = 0;
    const onSent = (bytes: number) => {
      sent += bytes;
    };
    const writer = new BodyWriter(response, { ...usual, onSent });
    expect(response.headersSent).toBe(false);
    await writer.write(Buffer.from("abc"));
    expect([response.headersSent, sent]).toEqual([true, 3]);
    await writer.end(Buffer.from("def"));
    writer.close();
    expect(sent).toBe(6);
    let heard = "";
    for await (const chunk of socket) heard += chunk;
    expect(heard).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nabcdef$/);
  });

  it("may write the next piece over the last one", async () => {
    const { response, socket } = await open();
    const onSent = () => undefined;
    const fields = ["Content-Length", String(64 * 65_536)];
    const writer = new BodyWriter(response, { ...usual, fields, onSent });
    const received = (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk);
      return Buffer.concat(chunks).subarray(-64 * 65_536);
    })();
    const buffer = Buffer.alloc(65_536);
    for (let piece = 0; piece < 64; piece += 1) {
      buffer.fill(piece);
      await writer.write(buffer);
    }
    await writer.end();
    writer.close();
    const body = await received;
    for (let piece = 0; piece < 64; piece += 1) {
      const part = body.subarray(piece * 65_536, (piece + 1) * 65_536);
      expect(part.every((byte) => byte === piece)).toBe(true);
    }
  });

  it("knows whether its client took the last piece at once", async () => {
    const { response } = await open();
    let now = 0;
    const watch = new SendWatch(60_000, () => now);
    const writer = new BodyWriter(response, { ...usual, watch, onSent: () => undefined });
    expect(writer.isFast).toBe(false);
    await writer.write(Buffer.from("abc"));
    expect(writer.isFast).toBe(true);
    const slow = writer.write(Buffer.from("def"));
    now = 25;
    await slow;
    expect(writer.isFast).toBe(false);
    writer.close();
  });

  it("gives up a client that has left, before and during a piece", async () => {
    const { response, socket } = await open();
    const writer = new BodyWriter(response, {
      ...usual,
      fields: ["Content-Length", "100000000"],
      onSent: () => undefined,
    });
    const during = writer.write(Buffer.alloc(100_000_000));
    socket.destroy();
    await expect(during).rejects.toMatchObject({ name: "ClientGone", code: "LEFT" });
    await new Promise<void>((resolve) =>
      response.closed ? resolve() : response.once("close", resolve),
    );
    await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject({ code: "LEFT" });
    writer.close();
  });

  it("gives up a client that does not read, but only while a piece waits", async () => {
    const { response, socket } = await open();
    const fields = ["Content-Length", "100000003"];
    const writer = new BodyWriter(response, {
      ...usual,
      fields,
      watch: new SendWatch(500),
      onSent: () => undefined,
    });
    await writer.write(Buffer.from("abc"));
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(response.destroyed).toBe(false);
    socket.pause();
    await expect(writer.write(Buffer.alloc(100_000_000))).rejects.toMatchObject({
      code: "STOPPED_READING",
    });
    writer.close();
  });

  it("cuts a connection so that the client sees an error", async () => {
    const { response, socket } = await open();
    const failure = new Promise((resolve) => socket.once("error", resolve));
    cut(response);
    cut(response);
    expect(await failure).toMatchObject({ code: "ECONNRESET" });
  });
});
