import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  ProxyProtocol,
  readProxyHeader,
  speakFor,
} from "../../../src/doors/server/proxy-protocol.ts";
import { dial, portOf, readAll } from "../open-door.ts";

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

function binary(command: number, family: number, rest: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([signature, Buffer.from([command, family]), length, rest]);
}

const four = Buffer.from([10, 1, 2, 3, 10, 0, 0, 1, 0xc8, 0x22, 0x0c, 0x38]);
const six = Buffer.alloc(36);
six.set([0xfd, 0, 0, 7], 0);
six[15] = 9;

describe("a header of the PROXY protocol", () => {
  it.each<readonly [string, Buffer | string, string | undefined]>([
    ["of version 1 for IPv4", "PROXY TCP4 10.1.2.3 10.0.0.1 51234 3128\r\n", "10.1.2.3"],
    ["of version 1 for IPv6", "PROXY TCP6 fd00::7 fd00::1 51234 3128\r\n", "fd00::7"],
    ["of version 1 for nobody", "PROXY UNKNOWN\r\n", undefined],
    ["of version 1 for nobody, at length", "PROXY UNKNOWN ffff::1 ::1 1 2\r\n", undefined],
    ["of version 2 for IPv4", binary(0x21, 0x11, four), "10.1.2.3"],
    [
      "of version 2 with more",
      binary(0x21, 0x11, Buffer.concat([four, Buffer.alloc(90)])),
      "10.1.2.3",
    ],
    ["of version 2 for IPv6", binary(0x21, 0x21, six), "fd00:7:0:0:0:0:0:9"],
    ["of version 2 for itself", binary(0x20, 0, Buffer.alloc(0)), undefined],
    ["of version 2 for nobody", binary(0x21, 0, Buffer.alloc(0)), undefined],
  ])("%s is read to its end, whatever follows", (_name, text, client) => {
    const bytes = Buffer.from(text as string);
    const whole = Buffer.concat([bytes, Buffer.from("GET / HTTP/1.1\r\n")]);
    expect(readProxyHeader(whole)).toEqual({ kind: "header", length: bytes.length, client });
    for (let length = 1; length < bytes.length; length += 1) {
      expect(readProxyHeader(bytes.subarray(0, length))).toEqual({ kind: "unfinished" });
    }
  });

  it.each<readonly [string, Buffer | string]>([
    ["HTTP", "GET / HTTP/1.1\r\n\r\n"],
    ["TLS", "\x16\x03\x01\x02\x00"],
    ["another family", "PROXY UDP4 10.1.2.3 10.0.0.1 1 2\r\n"],
    ["an address of the other family", "PROXY TCP6 10.1.2.3 10.0.0.1 1 2\r\n"],
    ["no address", "PROXY TCP4 10.1.2.300 10.0.0.1 1 2\r\n"],
    ["too few words", "PROXY TCP4 10.1.2.3 10.0.0.1\r\n"],
    ["a line without an end", `PROXY TCP4 ${"1".repeat(110)}`],
    ["another version", binary(0x31, 0x11, four)],
    ["another command", binary(0x22, 0x11, four)],
    ["a UNIX socket", binary(0x21, 0x31, Buffer.alloc(216))],
    ["fewer bytes than an address has", binary(0x21, 0x11, four.subarray(0, 8))],
    ["64 KiB of it", binary(0x21, 0x11, Buffer.alloc(65_535))],
  ])("is not %s", (_name, text) => {
    expect(readProxyHeader(Buffer.from(text as string))).toEqual({ kind: "wrong" });
  });
});

async function greeting(trusted: readonly string[], timeout?: number) {
  const protocol = new ProxyProtocol({ trusted, timeout });
  const server = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    protocol.greet(socket, () => {
      socket.once("data", (text) => socket.end(`${socket.remoteAddress} said ${text}`));
    });
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return dial(portOf(server));
}

describe("a connection", () => {
  it("from a trusted proxy speaks for its client", async () => {
    const socket = await greeting(["127.0.0.0/8"]);
    socket.write("PROXY TCP4 10.1.2.3 10.0.0.1 ");
    socket.write("1 2\r\nhello");
    expect(await readAll(socket)).toBe("10.1.2.3 said hello");
  });

  it("from a trusted proxy may speak for the proxy", async () => {
    const socket = await greeting(["127.0.0.1"]);
    socket.write(Buffer.concat([binary(0x20, 0, Buffer.alloc(0)), Buffer.from("hello")]));
    expect(await readAll(socket)).toBe("127.0.0.1 said hello");
  });

  it("from anybody else is who it is, whatever it says", async () => {
    const socket = await greeting(["10.0.0.0/8"]);
    socket.write("PROXY TCP4 10.1.2.3 10.0.0.1 1 2\r\n");
    expect(await readAll(socket)).toMatch(/^127\.0\.0\.1 said PROXY/);
  });

  it("from a trusted proxy that says something else, or nothing, is closed", async () => {
    const loud = await greeting(["127.0.0.1"]);
    loud.write("GET / HTTP/1.1\r\n\r\n");
    expect(await readAll(loud)).toBe("");
    expect(await readAll(await greeting(["127.0.0.1"], 30))).toBe("");
  });

  it("from a trusted proxy that speaks HTTP at once is told of, once for each proxy", async () => {
    const told: string[] = [];
    const options = { trusted: ["127.0.0.1"], onSilent: (proxy: string) => told.push(proxy) };
    const protocol = new ProxyProtocol(options);
    const server = createServer((socket) => protocol.greet(socket, () => socket.end("in")));
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    for (const _ of [1, 2, 3]) {
      const socket = await dial(portOf(server));
      socket.write("GET / HTTP/1.1\r\n\r\n");
      expect(await readAll(socket)).toBe("");
    }
    expect(told).toEqual(["127.0.0.1"]);
  });

  it("can be given another peer", async () => {
    const socket = await greeting([]);
    speakFor(socket, "10.9.9.9");
    expect(socket.remoteAddress).toBe("10.9.9.9");
  });
});
