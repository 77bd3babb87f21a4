import { createServer } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connectFirst, plainTo } from "../../../src/upstream/net/happy-eyeballs.ts";
import { freePort } from "../../support/free-port.ts";
import { blackHole } from "../black-hole.ts";
import { listening, rejection } from "../rig.ts";

const never = new AbortController().signal;

afterEach(() => {
  vi.useRealTimers();
});

/** From now on time stands still, for timers alone, until somebody moves it. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
}

describe("connecting to the first of several addresses", () => {
  it("loses at most 300 ms to an IPv6 address that does not answer", async () => {
    const { port } = await listening(createServer());
    await blackHole("::1", port);
    stopTime();
    const connecting = connectFirst(
      [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ],
      plainTo(port),
      never,
    );
    const soon = new Promise((resolve) => setTimeout(() => setImmediate(resolve, "not yet"), 200));
    vi.advanceTimersByTime(200);
    expect(await Promise.race([connecting, soon])).toBe("not yet");
    vi.advanceTimersByTime(100);
    const socket = await connecting;
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  });

  it("tries the next one at once when the first refuses", async () => {
    const { port } = await listening(createServer());
    stopTime();
    const socket = await connectFirst(
      [
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.3", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ],
      plainTo(port),
      never,
    );
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  });

  it("lets the families take turns", async () => {
    const { port } = await listening(createServer(), "::1");
    const dead = await blackHole("127.0.0.4", port);
    stopTime();
    const connecting = connectFirst(
      [
        { address: dead.host, family: 4 },
        { address: dead.host, family: 4 },
        { address: dead.host, family: 4 },
        { address: "::1", family: 6 },
      ],
      plainTo(port),
      never,
    );
    vi.advanceTimersByTime(300);
    const socket = await connecting;
    expect(socket.remoteAddress).toBe("::1");
    socket.destroy();
  });

  it("tells why the first one failed when all did", async () => {
    const gone = createServer();
    const { port } = await listening(gone, "127.0.0.1", await freePort());
    await new Promise((resolve) => gone.close(resolve));
    const failed = connectFirst([{ address: "127.0.0.1", family: 4 }], plainTo(port), never);
    expect(await rejection(failed)).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("ends with the signal", async () => {
    const { host, port } = await blackHole();
    const stop = new AbortController();
    const failed = connectFirst([{ address: host, family: 4 }], plainTo(port), stop.signal);
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await rejection(failed)).toBe(reason);
  });
});
