/**
 * Names that never end, at each door: hosts by `?ns=`, hosts by CONNECT and the handshake within, addresses
 * told by a balancer, uploads and logins at the registry of our own, searches of the back office.
 */
import { once } from "node:events";
import { type Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ManyHosts } from "./many-hosts.ts";

/** Its connections begin with the PROXY protocol. */
export const balancer = "127.0.0.40";
export const ownRegistry = "push.local";

export type FloodsOptions = {
  readonly hosts: ManyHosts;
  readonly port: number;
  readonly adminPort: number;
  readonly agent: Agent;
  /** Names of one round are not asked for in another. */
  readonly round: number;
};

export class Floods {
  readonly #options: FloodsOptions;
  #count: number;
  /** By flood and what was answered. */
  readonly answers = new Map<string, number>();

  constructor(options: FloodsOptions) {
    this.#options = options;
    this.#count = options.round * 1_000_000;
  }

  /** Never the same name twice, until the signal says so. */
  async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const one = this.#count;
      this.#count += 1;
      await this.#told("ns", () => this.#byNamespace(one));
      if (one % 8 === 0) await this.#told("sni", () => this.#byConnect(one));
      if (one % 4 === 0) await this.#told("balanced", () => this.#byBalancer(one));
      if (one % 4 === 1) await this.#told("upload", () => this.#upload(one));
      if (one % 4 === 2) await this.#told("login", () => this.#logIn(one));
      if (one % 4 === 3) await this.#told("search", () => this.#search(one));
    }
  }

  async #told(flood: string, ask: () => Promise<number>): Promise<void> {
    const status = await ask().catch(() => "failed");
    const key = `${flood} ${status}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
  }

  #byNamespace(one: number): Promise<number> {
    const types = Array.from({ length: 20 }, (_, index) => `application/x.${one}.${index}+json`);
    const accept = ["application/vnd.oci.image.manifest.v1+json", ...types].join(", ");
    const path = `/v2/team/app/manifests/latest?ns=${this.#options.hosts.name(one)}`;
    return this.#ask({ path, headers: { accept } });
  }

  async #byConnect(one: number): Promise<number> {
    const host = this.#options.hosts.name(one);
    const socket = await this.#open("127.0.0.1");
    try {
      const opened = await answered(
        socket,
        `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\nUser-Agent: Go-http-client/1.1\r\n\r\n`,
      );
      if (opened !== 200) return opened;
      const tls = connectTls({ socket, servername: host, rejectUnauthorized: false });
      return await answered(tls, `GET /v2/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    } finally {
      socket.destroy();
    }
  }

  async #byBalancer(one: number): Promise<number> {
    const client = `10.${Math.floor(one / 62_500) % 250}.${Math.floor(one / 250) % 250}.${(one % 250) + 1}`;
    const socket = await this.#open(balancer);
    try {
      const { port, hosts } = this.#options;
      const head = `PROXY TCP4 ${client} 127.0.0.1 40000 ${port}\r\n`;
      const path = `/v2/team/app/manifests/of-${one}?ns=${hosts.name(one)}`;
      return await answered(
        socket,
        `${head}GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
      );
    } finally {
      socket.destroy();
    }
  }

  #upload(one: number): Promise<number> {
    const path = `/v2/team/app-${one}/blobs/uploads/`;
    const authorization = basic("pusher", "CANARY-pusher");
    return this.#ask({ method: "POST", path, headers: { host: ownRegistry, authorization } });
  }

  #logIn(one: number): Promise<number> {
    const authorization = basic(`user-${one}`, "CANARY-nobody");
    // An address is held up after ten wrong logins.
    const localAddress = `127.1.${Math.floor(one / 250) % 250}.${(one % 250) + 1}`;
    const headers = { host: ownRegistry, authorization };
    return this.#ask({ path: "/v2/", headers, localAddress, agent: false });
  }

  #search(one: number): Promise<number> {
    const { adminPort: port } = this.#options;
    return this.#ask({ port, path: `/api/v1/images?search=term-${one}-${"x".repeat(80)}` });
  }

  async #ask(ask: {
    readonly method?: string;
    readonly port?: number;
    readonly agent?: false;
    readonly localAddress?: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
  }): Promise<number> {
    const { agent, port } = this.#options;
    const sent = request({ host: "127.0.0.1", agent, port, ...ask });
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    await once(response, "end");
    return response.statusCode ?? 0;
  }

  async #open(localAddress: string): Promise<Socket> {
    const socket = connect({ host: "127.0.0.1", port: this.#options.port, localAddress });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** The status that the first bytes say. */
async function answered(socket: Socket, text: string): Promise<number> {
  socket.on("error", () => undefined);
  socket.write(text);
  const [head] = (await once(socket, "data", { signal: AbortSignal.timeout(30_000) })) as [Buffer];
  return Number(head.toString("latin1").split(" ")[1]);
}
