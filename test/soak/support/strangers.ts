/**
 * Clients from several addresses that never ask for the same twice: tags, repositories, logins, Accept
 * sets, queries, blobs whole, in part and cut off, uploads, and names in TLS handshakes.
 */
import { once } from "node:events";
import { type Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:tls";
import type { AnyRegistry } from "./any-registry.ts";

export type StrangersOptions = {
  readonly registry: AnyRegistry;
  readonly port: number;
  readonly tlsPort: number;
  readonly agent: Agent;
};

type Asked = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Leaves after the first bytes. */
  readonly isCut?: boolean;
};

export class Strangers {
  readonly #options: StrangersOptions;
  #count = 0;
  readonly statuses = new Map<string, number>();

  constructor(options: StrangersOptions) {
    this.#options = options;
  }

  get asked(): number {
    return this.#count;
  }

  /** One of everything, one after the other, until the signal says so. */
  async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const one = this.#count;
      this.#count += 1;
      for (const ask of this.#asks(one)) {
        if (signal.aborted) return;
        await this.#send(ask, one);
      }
      if (one % 4 === 0) await this.#shakeHands(`host-${one}.example`);
    }
  }

  *#asks(one: number): Iterable<Asked> {
    const { registry } = this.#options;
    const login = `Basic ${Buffer.from(`CANARY-user-${one}:CANARY-password`).toString("base64")}`;
    const long = `team-${one % 50}/${"x".repeat(60)}-${one}`;
    yield { method: "HEAD", path: `/v2/${long}/manifests/${one}` };
    yield { path: `/v2/team/app/manifests/tag-${one}` };
    yield { path: `/v2/team/missing/manifests/${one}` };
    yield { path: `/v2/team/app/tags/list?n=${one}` };
    const types = Array.from({ length: 20 }, (_, index) => `application/x.${one}.${index}+json`);
    yield { path: "/v2/team/app/manifests/latest", headers: { accept: types.join(", ") } };
    const whole = registry.addBlob(`whole ${one}`, 64 * 1024);
    yield { path: `/v2/team/app/blobs/${whole}` };
    yield { path: `/v2/team/app/blobs/${whole}`, headers: { range: "bytes=100-200" } };
    const cut = registry.addBlob(`cut ${one}`, 512 * 1024);
    yield { path: `/v2/team/app/blobs/${cut}`, isCut: true };
    const far = registry.addBlob(`far ${one}`, 64 * 1024);
    yield { path: `/v2/team/app/blobs/${far}`, headers: { range: "bytes=60000-" } };
    const absolute = `http://${registry.host}/v2/team/app`;
    const own = { authorization: login };
    yield { path: `${absolute}/manifests/own-${one}`, headers: own };
    yield { path: `${absolute}/manifests/limited-${one}`, headers: own };
    yield { method: "POST", path: `${absolute}/blobs/uploads/`, headers: own };
    yield {
      method: "PATCH",
      path: `${absolute}/blobs/uploads/${one}`,
      headers: own,
      body: "a layer",
    };
    yield { method: "PUT", path: `${absolute}/manifests/pushed-${one}`, headers: own, body: "{}" };
  }

  async #send(ask: Asked, one: number): Promise<void> {
    const { port, agent } = this.#options;
    const { method = "GET", path, headers = {}, body } = ask;
    // The agent keeps connections by address.
    const localAddress = `127.0.0.${2 + (one % 8)}`;
    const sent = request({ host: "127.0.0.1", port, method, path, headers, agent, localAddress });
    sent.end(body);
    try {
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      const status = `${response.statusCode}`;
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      for await (const _ of response) if (ask.isCut === true) break;
    } catch {
      this.statuses.set("failed", (this.statuses.get("failed") ?? 0) + 1);
    }
  }

  async #shakeHands(servername: string): Promise<void> {
    const { tlsPort: port } = this.#options;
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
    socket.on("error", () => undefined);
    await Promise.race([once(socket, "secureConnect"), once(socket, "close")]).catch(
      () => undefined,
    );
    socket.destroy();
  }
}
