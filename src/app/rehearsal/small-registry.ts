/**
 * A registry over TLS on loopback, as small as one can be: of a request it reads no more than its first
 * line. It has what was added, under whatever name it is asked for.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { acceptTls, type Leaves } from "../../doors/server/tls-handshake.ts";

type Content = { readonly type: string; readonly digest: string; readonly bytes: Buffer };

const oci = "application/vnd.oci.image";
const types = {
  manifest: `${oci}.manifest.v1+json`,
  config: `${oci}.config.v1+json`,
  layer: `${oci}.layer.v1.tar+gzip`,
};
/** Of a layer: several records of TLS. What is larger leaves holes in memory that nobody fills. */
const layerBytes = 64 * 1024;
const headEnd = "\r\n\r\n";

export class SmallRegistry {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #contents = new Map<string, Content>();

  /** Resolves once it listens; its certificate is for `name`. */
  static async open(leaves: Leaves, name: string): Promise<SmallRegistry> {
    const registry = new SmallRegistry(leaves, name);
    registry.#server.listen(0, "127.0.0.1");
    await once(registry.#server, "listening");
    registry.#server.on("error", () => undefined);
    return registry;
  }

  private constructor(leaves: Leaves, name: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined).once("close", () => this.#sockets.delete(socket));
      const context = leaves.contextFor(name, socket);
      const onSecure = (tls: Socket): void => this.#serve(tls);
      acceptTls(socket, { context, onSecure, onFailed: () => undefined });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** An image with a layer that no other tag has. */
  add(tag: string): { readonly tag: string; readonly blob: string } {
    const layer = this.#keep(types.layer, Buffer.alloc(layerBytes, tag));
    const config = this.#keep(types.config, Buffer.from(JSON.stringify({ tag })));
    const manifest = {
      ...{ schemaVersion: 2, mediaType: types.manifest },
      ...{ config: described(config), layers: [described(layer)] },
    };
    const kept = this.#keep(types.manifest, Buffer.from(JSON.stringify(manifest)));
    this.#contents.set(tag, kept);
    return { tag, blob: layer.digest };
  }

  /** At once. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(type: string, bytes: Buffer): Content {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const content = { type, digest, bytes };
    this.#contents.set(digest, content);
    return content;
  }

  #serve(tls: Socket): void {
    let head = "";
    tls.on("data", (piece: Buffer) => {
      head += piece.toString("latin1");
      if (!head.endsWith(headEnd)) return;
      const [method = "", path = ""] = head.split(" ", 2);
      head = "";
      this.#answer(tls, method, path);
    });
  }

  #answer(tls: Socket, method: string, path: string): void {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const { type, digest, bytes } = this.#contents.get(name) ?? nothing;
    const head = [
      "HTTP/1.1 200 OK",
      `Content-Type: ${type}`,
      `Content-Length: ${bytes.length}`,
      `Docker-Content-Digest: ${digest}`,
    ];
    tls.write(`${head.join("\r\n")}${headEnd}`);
    if (method !== "HEAD") tls.write(bytes);
  }
}

function described({ type, digest, bytes }: Content) {
  return { mediaType: type, digest, size: bytes.length };
}

/** What `/v2/` says: who asks needs no login. */
const nothing: Content = { type: "application/json", digest: "", bytes: Buffer.from("{}") };
