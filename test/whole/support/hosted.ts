/** A client of the hosted registry: pushes images of a few bytes, and asks for them. */
import { randomBytes } from "node:crypto";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { ociManifest } from "../../../src/protocol/media-type.ts";
import { type Answer, type Asked, direct } from "./client.ts";
import type { Program } from "./program.ts";

export type PushedImage = {
  readonly layer: Buffer;
  readonly layerDigest: Digest;
  readonly manifest: Buffer;
  readonly digest: Digest;
};

/** An image nobody has seen before. */
export function newImage(more: Readonly<Record<string, unknown>> = {}, size = 1_000): PushedImage {
  const layer = randomBytes(size);
  const layerDigest = digestOf(layer);
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: ociManifest },
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...described(config) },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...described(layer) }],
      ...more,
    }),
  );
  return { layer, layerDigest, manifest, digest: digestOf(manifest) };
}

const config = Buffer.from("{}");

function described(bytes: Buffer) {
  return { digest: digestOf(bytes), size: bytes.length };
}

/** Asks under the name, as whoever the headers say. */
export class HostedClient {
  readonly #program: Program;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(program: Program, host: string, headers: Readonly<Record<string, string>> = {}) {
    this.#program = program;
    this.#headers = { host, ...headers };
  }

  ask(path: string, asked: Asked = {}): Promise<Answer> {
    const headers = { ...this.#headers, ...asked.headers };
    return direct(this.#program, path, { ...asked, headers });
  }

  get(path: string): Promise<Answer> {
    return this.ask(path);
  }

  head(path: string): Promise<Answer> {
    return this.ask(path, { method: "HEAD" });
  }

  delete(path: string): Promise<Answer> {
    return this.ask(path, { method: "DELETE" });
  }

  post(path: string): Promise<Answer> {
    return this.ask(path, { method: "POST", headers: { "content-length": "0" } });
  }

  /** In one request. */
  pushBlob(repository: string, bytes: Buffer): Promise<Answer> {
    const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`;
    return this.ask(path, { method: "POST", body: bytes });
  }

  pushManifest(repository: string, reference: string, bytes: Buffer): Promise<Answer> {
    return this.ask(`/v2/${repository}/manifests/${reference}`, {
      ...{ method: "PUT", body: bytes },
      headers: { "content-type": ociManifest },
    });
  }

  /** Blobs first; the answer is the manifest's. */
  async push(repository: string, reference: string, image: PushedImage): Promise<Answer> {
    await this.pushBlob(repository, config);
    await this.pushBlob(repository, image.layer);
    return await this.pushManifest(repository, reference, image.manifest);
  }
}

/** The message of a registry's error. */
export function messageOf({ body }: Answer): string {
  const { errors } = JSON.parse(body.toString()) as { errors: { message: string }[] };
  return errors[0]?.message ?? "";
}

export function codeOf({ body }: Answer): string {
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string }[] };
  return errors[0]?.code ?? "";
}
