/**
 * One GET over a socket of its own, as light as it goes, so that a thousand fit into a process: it
 * hashes what comes, and knows an answer that was broken off from one that ended.
 */
import { createHash, type Hash } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

/** The way in: through the proxy when there is an authority to CONNECT to, else the mirror. */
export type Way = {
  readonly port: number;
  readonly authority?: string | undefined;
  readonly trust?: SecureContext | undefined;
};

export type Ask = {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Hangs up after so many bytes of the body. */
  readonly leaveAfter?: number | undefined;
  /** Bytes a second that are read. */
  readonly rate?: number | undefined;
  readonly onFirstByte?: (() => void) | undefined;
};

export type Pulled = {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: number;
  /** Of the body, as far as it came. */
  readonly digest: string;
  /** Everything that was declared came. */
  readonly isComplete: boolean;
  /** Why it did not. */
  readonly error: string | undefined;
};

const userAgent = "Go-http-client/1.1";
const patience = 15 * 60_000;

/** A connection, ready for a request. */
export async function openWay(way: Way): Promise<Socket> {
  const socket = connectTcp(way.port, "127.0.0.1");
  socket.setNoDelay(true);
  await next(socket, "connect");
  if (way.authority === undefined) return socket;
  socket.write(
    `CONNECT ${way.authority} HTTP/1.1\r\nHost: ${way.authority}\r\nUser-Agent: ${userAgent}\r\n\r\n`,
  );
  const line = String(await next(socket, "data"));
  if (!line.startsWith("HTTP/1.1 200")) {
    socket.destroy();
    throw new Error(`CONNECT was answered ${line.slice(0, 160)}`);
  }
  socket.pause();
  const tls = connectTls({
    socket,
    ...(way.trust === undefined ? {} : { secureContext: way.trust }),
    host: way.authority.replace(/:\d+$/, ""),
  });
  await next(tls, "secureConnect");
  return tls;
}

/** What comes with the next such event; rejects when the connection ends before. */
function next(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error(`closed before ${event}`));
    socket.once("error", reject);
    socket.once("close", onClose);
    socket.once(event, (value: unknown) => {
      socket.off("error", reject);
      socket.off("close", onClose);
      resolve(value);
    });
  });
}

export function requestText(way: Way, { path, headers = {} }: Ask): string {
  const host = way.authority ?? `127.0.0.1:${way.port}`;
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${userAgent}\r\nConnection: close\r\n${fields.join("")}\r\n`;
}

/** Never rejects. */
export async function rawPull(way: Way, ask: Ask): Promise<Pulled> {
  try {
    return await pullOver(await openWay(way), way, ask);
  } catch (error) {
    return new Answer(ask).end(String(error));
  }
}

/** The same over a connection that is open; never rejects. */
export function pullOver(socket: Socket, way: Way, ask: Ask): Promise<Pulled> {
  return new Promise((resolve) => {
    const answer = new Answer(ask);
    let isOver = false;
    const finish = (error?: string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.off("data", onData);
      socket.destroy();
      resolve(answer.end(error));
    };
    const onData = (chunk: Buffer): void => {
      const end = answer.take(chunk);
      if (end !== undefined) finish(end === "complete" ? undefined : end);
      else if (ask.rate !== undefined) idle(socket, (chunk.length / ask.rate) * 1_000);
    };
    const timer = setTimeout(() => finish("took too long"), patience);
    socket.on("data", onData);
    socket.on("error", (error) => finish(String(error)));
    socket.once("close", () => finish("closed before the end"));
    socket.write(requestText(way, ask));
  });
}

function idle(socket: Socket, milliseconds: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), milliseconds);
}

/** What came of an answer so far. */
class Answer {
  readonly #ask: Ask;
  readonly #hash: Hash = createHash("sha256");
  readonly #headers = new Map<string, string>();
  #head: Buffer | undefined = Buffer.alloc(0);
  #status = 0;
  #expected = Number.NaN;
  #bytes = 0;
  #isComplete = false;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** "complete", why it ends here, or undefined when more is to come. */
  take(chunk: Buffer): string | undefined {
    if (this.#head === undefined) return this.#body(chunk);
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    this.#readHead(this.#head.toString("latin1", 0, end));
    const rest = this.#head.subarray(end + 4);
    this.#head = undefined;
    if (Number.isNaN(this.#expected)) return "an answer without Content-Length";
    return this.#body(rest);
  }

  end(error: string | undefined): Pulled {
    return {
      status: this.#status,
      headers: this.#headers,
      bytes: this.#bytes,
      digest: `sha256:${this.#hash.digest("hex")}`,
      isComplete: this.#isComplete,
      error: this.#isComplete ? undefined : (error ?? "unknown"),
    };
  }

  #readHead(text: string): void {
    const [first = "", ...lines] = text.split("\r\n");
    this.#status = Number(first.slice(9, 12));
    for (const line of lines) {
      const colon = line.indexOf(":");
      this.#headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    this.#expected = Number(this.#headers.get("content-length") ?? Number.NaN);
  }

  #body(chunk: Buffer): string | undefined {
    if (chunk.length > 0 && this.#bytes === 0) this.#ask.onFirstByte?.();
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= (this.#ask.leaveAfter ?? Number.POSITIVE_INFINITY)) return "left";
    if (this.#bytes < this.#expected) return undefined;
    this.#isComplete = this.#bytes === this.#expected;
    return this.#isComplete ? "complete" : "more than was declared";
  }
}
