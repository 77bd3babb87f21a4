/**
 * As many registries as there are names below co.uk, each somebody else's domain, behind a proxy that leads
 * to all of them: what a stranger who owns a resolver could make.
 */
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { makeCertificate } from "../../support/certificates.ts";
import { AnyRegistry } from "./any-registry.ts";

export class ManyHosts {
  /** Who leads there knows no name that ends otherwise. */
  static readonly suffix = "co.uk";
  readonly ca: string;
  readonly #registry: AnyRegistry;
  readonly #hosts: TlsServer;
  readonly #proxy: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(registry: AnyRegistry) {
    const { ca, ...identity } = makeCertificate([`*.${ManyHosts.suffix}`]);
    this.ca = ca;
    this.#registry = registry;
    const port = Number(registry.host.split(":")[1]);
    this.#hosts = createTlsServer(
      identity,
      (asked) => void this.#join(asked, connect(port, "127.0.0.1")),
    );
    this.#hosts.on("tlsClientError", () => undefined);
    this.#proxy = createServer((_, response) => void response.writeHead(405).end());
    this.#proxy.on("connect", (_, socket: Socket) => {
      this.#keep(socket);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      this.#hosts.emit("connection", socket);
    });
  }

  static async start(): Promise<ManyHosts> {
    const hosts = new ManyHosts(await AnyRegistry.start());
    await new Promise<void>((resolve) => hosts.#proxy.listen(0, "127.0.0.1", resolve));
    return hosts;
  }

  /** For HTTPS_PROXY. */
  get proxy(): string {
    return `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`;
  }

  name(one: number): string {
    return `n${one}.${ManyHosts.suffix}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#proxy.close();
    this.#registry.close();
  }

  async #join(asked: Socket, registry: Socket): Promise<void> {
    this.#keep(registry);
    await Promise.allSettled([pipeline(asked, registry), pipeline(registry, asked)]);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
