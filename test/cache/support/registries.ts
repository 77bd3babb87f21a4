import { Readable } from "node:stream";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import {
  type HeaderList,
  headerList,
  headerValue,
} from "../../../src/protocol/http/header-list.ts";
import {
  dockerManifest,
  ociIndex,
  ociManifest,
  parseAccept,
} from "../../../src/protocol/media-type.ts";
import type {
  Access,
  RegistryClient,
  RegistryRequest,
  RegistryResponse,
} from "../../../src/upstream/registry-client.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../../src/upstream/upstream-error.ts";

export type ManifestFile = { readonly bytes: Buffer; readonly mediaType: string };

/** Whether a login, or no login, opens the repository. */
export type Door = (access: Access) => boolean;

export const everybody: Door = ({ kind }) => kind !== "none";
export const nobody: Door = () => false;

/** A private repository: the operator's credential opens it if told so, and these clients' logins. */
export function members(options: { shared?: boolean; logins?: readonly string[] }): Door {
  return (access) => {
    if (access.kind === "shared") return options.shared === true;
    return access.kind === "client" && (options.logins ?? []).includes(access.authorization);
  };
}

export class Repository {
  door: Door;
  readonly tags = new Map<string, Digest>();
  readonly manifests = new Map<Digest, ManifestFile>();
  readonly blobs = new Map<Digest, Buffer>();
  /** Answers tags with something else for clients that cannot read the native type. */
  convert: ((accept: string) => ManifestFile | undefined) | undefined;

  constructor(door: Door) {
    this.door = door;
  }

  addBlob(bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  addManifest(value: object | Buffer, mediaType: string, tag?: string): Digest {
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    this.manifests.set(digest, { bytes, mediaType });
    if (tag !== undefined) this.tags.set(tag, digest);
    return digest;
  }

  /** An image of one layer; the seed makes its bytes its own. */
  addImage(tag: string | undefined, seed: string, type = ociManifest): Image {
    const config = this.addBlob(Buffer.from(`{"config":"${seed}"}`));
    const layer = this.addBlob(Buffer.from(`layer ${seed} `.repeat(200)));
    const describe = (digest: Digest, mediaType: string) => ({
      mediaType,
      digest,
      size: this.blobs.get(digest)?.length ?? 0,
    });
    const manifest = {
      schemaVersion: 2,
      mediaType: type,
      config: describe(config, "application/vnd.oci.image.config.v1+json"),
      layers: [describe(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
    };
    return { manifest: this.addManifest(manifest, type, tag), config, layer };
  }

  addIndex(tag: string | undefined, children: readonly Digest[]): Digest {
    const manifests = children.map((digest) => ({
      mediaType: this.manifests.get(digest)?.mediaType ?? ociManifest,
      digest,
      size: this.manifests.get(digest)?.bytes.length ?? 0,
    }));
    return this.addManifest({ schemaVersion: 2, mediaType: ociIndex, manifests }, ociIndex, tag);
  }
}

export type Image = { readonly manifest: Digest; readonly config: Digest; readonly layer: Digest };

export type Seen = {
  readonly registry: string;
  readonly method: string;
  readonly target: string;
  readonly access: Access;
  readonly headers: HeaderList;
  readonly patience: string;
  status: number;
};

type Fault = (request: RegistryRequest) => RegistryResponse | UpstreamError | undefined;

/** Several registries in one process: who may read what, what they are asked, how they fail. */
export class Registries implements RegistryClient {
  readonly seen: Seen[] = [];
  readonly #repositories = new Map<string, Repository>();
  readonly #faults = new Map<string, Fault>();
  /** Answers wait for it. */
  gate: Promise<unknown> | undefined;

  repository(registry: string, name: string, door: Door = everybody): Repository {
    const key = `${registry}/${name}`;
    const repository = this.#repositories.get(key) ?? new Repository(door);
    this.#repositories.set(key, repository);
    return repository;
  }

  /** How a registry fails from now on; undefined: no more. */
  fault(registry: string, fault: Fault | undefined): void {
    if (fault === undefined) this.#faults.delete(registry);
    else this.#faults.set(registry, fault);
  }

  down(registry: string, code: UpstreamErrorCode = "CONNECT"): void {
    this.fault(registry, () => new UpstreamError(code, registry, `${registry} is down`));
  }

  count(method?: string, part = ""): number {
    const fits = (seen: Seen): boolean =>
      (method === undefined || seen.method === method) && seen.target.includes(part);
    return this.seen.filter(fits).length;
  }

  /** `HEAD manifests/latest 200`, in the order asked. */
  get log(): string[] {
    return this.seen.map(
      ({ method, target, status }) => `${method} ${target.replace(/^\/v2\//, "")} ${status}`,
    );
  }

  forget(): void {
    this.seen.length = 0;
  }

  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const { registry, method, target, access, headers, patience } = request;
    const seen: Seen = {
      registry: registry.name,
      method,
      target,
      access,
      headers,
      patience,
      status: 0,
    };
    this.seen.push(seen);
    await this.gate;
    if (request.signal.aborted) throw new UpstreamError("ABORTED", registry.name, "aborted");
    const response = this.#faults.get(registry.name)?.(request) ?? this.#answer(request);
    if (response instanceof UpstreamError) throw response;
    seen.status = response.status;
    return response;
  }

  #answer(request: RegistryRequest): RegistryResponse {
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(request.target);
    const [, name = "", kind = "", reference = ""] = match ?? [];
    const repository = this.#repositories.get(`${request.registry.name}/${name}`);
    if (repository === undefined || !repository.door(request.access))
      return respond(request, 401, { "www-authenticate": 'Bearer realm="https://auth.example/"' });
    return kind === "blobs"
      ? answerBlob(request, repository.blobs.get(reference as Digest), reference)
      : answerManifest(request, repository, reference);
  }
}

/** An answer as a registry writes it: a HEAD has the fields of the body it does not send. */
export function respond(
  request: Pick<RegistryRequest, "method">,
  status: number,
  fields: Readonly<Record<string, string | undefined>> = {},
  body: Buffer = Buffer.from(`{"errors":[{"code":"E${status}"}]}`),
): RegistryResponse {
  const headers = headerList({ "content-length": String(body.length), ...fields });
  const isEmpty = request.method === "HEAD" || status === 304;
  return { status, headers, body: Readable.from(isEmpty ? [] : [body]) };
}

function answerManifest(
  request: RegistryRequest,
  repository: Repository,
  reference: string,
): RegistryResponse {
  const digest = repository.tags.get(reference) ?? (reference as Digest);
  const native = repository.manifests.get(digest);
  const accept = parseAccept(request.headers.get("accept") ?? []);
  const converted = reference.includes(":") ? undefined : repository.convert?.(accept);
  const file = converted ?? native;
  if (file === undefined) return respond(request, 404);
  const given = digestOf(file.bytes);
  const known = headerValue(request.headers, "if-none-match");
  if (known === `"${given}"`) return respond(request, 304, {}, Buffer.alloc(0));
  const fields = { "content-type": file.mediaType, "docker-content-digest": given };
  return respond(request, 200, fields, file.bytes);
}

function answerBlob(
  request: RegistryRequest,
  bytes: Buffer | undefined,
  reference: string,
): RegistryResponse {
  if (bytes === undefined) return respond(request, 404);
  const fields = { "content-type": "application/octet-stream", "docker-content-digest": reference };
  const range = /^bytes=(\d+)-(\d*)$/.exec(headerValue(request.headers, "range") ?? "");
  if (range === null) return respond(request, 200, fields, bytes);
  const start = Number(range[1]);
  const end = range[2] === "" ? bytes.length : Math.min(Number(range[2]) + 1, bytes.length);
  if (start >= bytes.length) return respond(request, 416, {}, Buffer.alloc(0));
  const contentRange = `bytes ${start}-${end - 1}/${bytes.length}`;
  return respond(
    request,
    206,
    { ...fields, "content-range": contentRange },
    bytes.subarray(start, end),
  );
}

export const types = { ociIndex, ociManifest, dockerManifest };
