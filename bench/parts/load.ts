/**
 * A small HTTP/1.1 load client over raw sockets, cheap enough not to be what is measured. It knows
 * the length of every answer's body beforehand and reads nothing else of it.
 */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

export type Target = {
  /** Where to connect: the server itself, or the proxy. */
  readonly port: number;
  /** `CONNECT` here first, when it is a proxy. */
  readonly authority?: string;
  /** Made once: reading the CA again for each connection would be what is measured. */
  readonly secureContext: SecureContext;
  readonly servername?: string;
  readonly path: string;
  readonly host: string;
  readonly bodyBytes: number;
};

export type Load = { readonly perSecond: number; readonly p50: number; readonly p99: number };

/** A connection, ready for a request. */
export async function open(target: Target): Promise<Socket> {
  const socket = connectTcp(target.port, "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  if (target.authority !== undefined) {
    socket.write(
      `CONNECT ${target.authority} HTTP/1.1\r\nHost: ${target.authority}\r\nUser-Agent: Go-http-client/1.1\r\n\r\n`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    if (!head.toString("latin1").startsWith("HTTP/1.1 200"))
      throw new Error(head.toString("latin1"));
  }
  const tls = connectTls({
    socket,
    secureContext: target.secureContext,
    checkServerIdentity: () => undefined,
    ...(target.servername === undefined ? {} : { servername: target.servername }),
  });
  await once(tls, "secureConnect");
  return tls;
}

/** Sends one request and resolves when its whole answer is in; `onBody` hears of each piece of its body. */
function exchange(
  socket: Socket,
  request: Buffer,
  bodyBytes: number,
  onBody: () => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    let expected = 0;
    const finish = (error?: Error): void => {
      socket.off("data", onData);
      socket.off("close", onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => finish(new Error("closed in the middle"));
    const begin = (chunk: Buffer): void => {
      if (chunk.toString("latin1", 9, 12) === "200") {
        expected = chunk.indexOf("\r\n\r\n") + 4 + bodyBytes;
      } else {
        finish(new Error(chunk.toString("latin1", 0, 200)));
      }
    };
    const onData = (chunk: Buffer): void => {
      if (expected === 0) begin(chunk);
      seen += chunk.length;
      if (seen > expected - bodyBytes) onBody();
      if (seen >= expected) finish();
    };
    socket.on("data", onData);
    socket.on("close", onClose);
    socket.write(request);
  });
}

function requestFor(target: Target, connection: string): Buffer {
  return Buffer.from(
    `GET ${target.path} HTTP/1.1\r\nHost: ${target.host}\r\nAccept: */*\r\nConnection: ${connection}\r\n\r\n`,
  );
}

/** Milliseconds from one request to the first byte of its answer's body; resolves when all of it is in. */
export async function firstByte(socket: Socket, target: Target): Promise<number> {
  const began = performance.now();
  let first: number | undefined;
  await exchange(socket, requestFor(target, "keep-alive"), target.bodyBytes, () => {
    first ??= performance.now() - began;
  });
  return first ?? Number.NaN;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function summary(latencies: number[], seconds: number): Load {
  latencies.sort((a, b) => a - b);
  return {
    perSecond: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

/** `connections` keep-alive connections, each with one request outstanding, for `seconds`. */
export async function keepAlive(
  target: Target,
  connections: number,
  seconds: number,
): Promise<Load> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(target)));
  const request = requestFor(target, "keep-alive");
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < end) {
        const began = performance.now();
        await exchange(socket, request, target.bodyBytes);
        latencies.push(performance.now() - began);
      }
      socket.destroy();
    }),
  );
  return summary(latencies, seconds);
}

type Pace = { readonly connections: number; readonly perSecond: number };

/** The same connections at a fixed rate; latency counts from when a request was due. */
export async function paced(target: Target, pace: Pace, seconds: number): Promise<Load> {
  const total = Math.floor(pace.perSecond * seconds);
  return await atPace(target, pace, (sent) => sent >= total);
}

/** The same as long as the work takes. */
export async function pacedDuring(
  target: Target,
  pace: Pace,
  work: Promise<unknown>,
): Promise<Load> {
  let isOver = false;
  const end = work.finally(() => {
    isOver = true;
  });
  const load = await atPace(target, pace, () => isOver);
  await end;
  return load;
}

async function atPace(
  target: Target,
  { connections, perSecond }: Pace,
  isOver: (sent: number) => boolean,
): Promise<Load> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(target)));
  const request = requestFor(target, "keep-alive");
  const latencies: number[] = [];
  const began = performance.now();
  let next = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      for (let mine = next++; !isOver(mine); mine = next++) {
        const due = began + (mine / perSecond) * 1000;
        const wait = due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        const sent = Math.max(due, performance.now() - 1.5); // a timer wakes up to 1 ms late
        await exchange(socket, request, target.bodyBytes);
        latencies.push(performance.now() - sent);
      }
      socket.destroy();
    }),
  );
  return summary(latencies, (performance.now() - began) / 1000);
}

/** A new connection (with CONNECT and handshake) for every request, `workers` at a time. */
export async function newConnections(
  target: Target,
  workers: number,
  seconds: number,
): Promise<Load> {
  const request = requestFor(target, "close");
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (performance.now() < end) {
        const began = performance.now();
        const socket = await open(target);
        await exchange(socket, request, target.bodyBytes);
        socket.destroy();
        latencies.push(performance.now() - began);
      }
    }),
  );
  return summary(latencies, seconds);
}
