import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { connectFirst } from "../../src/upstream/happy-eyeballs.ts";
import { blackHole } from "./black-hole.ts";
import { listening, rejection } from "./rig.ts";

const never = new AbortController().signal;

describe("connecting to the first of several addresses", () => {
  it("loses at most 300 ms to an IPv6 address that does not answer", async () => {
    const { port } = await listening(createServer());
    await blackHole("::1", port);
    const started = performance.now();
    const socket = await connectFirst(
      [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ],
      port,
      never,
    );
    const spent = performance.now() - started;
    expect(socket.remoteAddress).toBe("127.0.0.1");
    expect(spent).toBeGreaterThan(200);
    expect(spent).toBeLessThan(450);
    socket.destroy();
  });

  it("tries the next one at once when the first refuses", async () => {
    const { port } = await listening(createServer());
    const started = performance.now();
    const socket = await connectFirst(
      [
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.3", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ],
      port,
      never,
    );
    expect(performance.now() - started).toBeLessThan(200);
    socket.destroy();
  });

  it("lets the families take turns", async () => {
    const { port } = await listening(createServer(), "::1");
    const started = performance.now();
    const dead = await blackHole("127.0.0.4", port);
    const socket = await connectFirst(
      [
        { address: dead.host, family: 4 },
        { address: dead.host, family: 4 },
        { address: dead.host, family: 4 },
        { address: "::1", family: 6 },
      ],
      port,
      never,
    );
    expect(socket.remoteAddress).toBe("::1");
    expect(performance.now() - started).toBeLessThan(800);
    socket.destroy();
  });

  it("tells why the first one failed when all did", async () => {
    const gone = createServer();
    const { port } = await listening(gone);
    await new Promise((resolve) => gone.close(resolve));
    const failed = connectFirst([{ address: "127.0.0.1", family: 4 }], port, never);
    expect(await rejection(failed)).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("ends with the signal", async () => {
    const { host, port } = await blackHole();
    const stop = new AbortController();
    const failed = connectFirst([{ address: host, family: 4 }], port, stop.signal);
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await rejection(failed)).toBe(reason);
  });
});
