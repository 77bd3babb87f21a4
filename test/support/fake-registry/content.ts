/** What a fake registry has: blobs, manifests, tags and uploads under way, all in memory. */
import { randomUUID } from "node:crypto";
import { type Digest, digestOf, parseDigest } from "../../../src/protocol/digest.ts";
import type { Answer } from "./answer.ts";

export const ociManifest = "application/vnd.oci.image.manifest.v1+json";

type Manifest = { readonly bytes: Buffer; readonly mediaType: string };

/** What those get who do not read the tag's own type: another manifest, or 404. */
export type Conversion = Digest | "missing";

/** Of an ask for a manifest. */
export type ManifestFields = {
  readonly accept?: string | undefined;
  readonly "if-none-match"?: string | undefined;
};

export class Content {
  readonly blobs = new Map<Digest, Buffer>();
  /** By `repository@digest`. */
  readonly #manifests = new Map<string, Manifest>();
  /** By `repository:tag`. */
  readonly #tags = new Map<string, Digest>();
  /** By `repository:tag`: what other clients get. */
  readonly #conversions = new Map<string, Conversion>();
  readonly #uploads = new Map<string, Buffer>();

  addBlob(bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  addManifest(repository: string, tag: string | undefined, manifest: Manifest): Digest {
    const digest = digestOf(manifest.bytes);
    this.#manifests.set(`${repository}@${digest}`, manifest);
    if (tag !== undefined) {
      this.#tags.set(`${repository}:${tag}`, digest);
      this.#conversions.delete(`${repository}:${tag}`);
    }
    return digest;
  }

  convertTag(repository: string, tag: string, conversion: Conversion): void {
    this.#conversions.set(`${repository}:${tag}`, conversion);
  }

  removeTag(repository: string, tag: string): void {
    this.#tags.delete(`${repository}:${tag}`);
    this.#conversions.delete(`${repository}:${tag}`);
  }

  removeBlob(digest: Digest): void {
    this.blobs.delete(digest);
  }

  blob(text: string): Answer {
    const digest = parseDigest(text);
    const body = digest === undefined ? undefined : this.blobs.get(digest);
    if (body === undefined) return failure(404, "BLOB_UNKNOWN");
    const headers = {
      "content-type": "application/octet-stream",
      "docker-content-digest": text,
      "accept-ranges": "bytes",
      etag: `"${text}"`,
    };
    return { status: 200, headers, body, hasRanges: true };
  }

  manifest(repository: string, reference: string, fields: ManifestFields): Answer {
    const digest = parseDigest(reference) ?? this.#meaning(repository, reference, fields.accept);
    const manifest = this.#manifests.get(`${repository}@${digest}`);
    if (manifest === undefined) return failure(404, "MANIFEST_UNKNOWN");
    const headers = {
      "content-type": manifest.mediaType,
      "docker-content-digest": `${digest}`,
      etag: `"${digest}"`,
    };
    if (fields["if-none-match"]?.includes(`${digest}`))
      return { status: 304, headers, body: Buffer.alloc(0) };
    return { status: 200, headers, body: manifest.bytes };
  }

  putManifest(repository: string, reference: string, manifest: Manifest): Answer {
    const isTag = parseDigest(reference) === undefined;
    const digest = this.addManifest(repository, isTag ? reference : undefined, manifest);
    const location = `/v2/${repository}/manifests/${reference}`;
    return created(location, digest);
  }

  tags(repository: string): Answer {
    const prefix = `${repository}:`;
    const tags = [...this.#tags.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
      .sort();
    return json(200, { name: repository, tags });
  }

  catalog(): Answer {
    const names = [...this.#manifests.keys()].map((key) => key.slice(0, key.indexOf("@")));
    return json(200, { repositories: [...new Set(names)].sort() });
  }

  startUpload(repository: string): Answer {
    const id = randomUUID();
    this.#uploads.set(id, Buffer.alloc(0));
    return this.#uploadState(repository, id);
  }

  appendUpload(repository: string, id: string, bytes: Buffer): Answer {
    const sofar = this.#uploads.get(id);
    if (sofar === undefined) return failure(404, "BLOB_UPLOAD_UNKNOWN");
    this.#uploads.set(id, Buffer.concat([sofar, bytes]));
    return this.#uploadState(repository, id);
  }

  finishUpload(repository: string, id: string, last: { bytes: Buffer; digest: string }): Answer {
    const whole = Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), last.bytes]);
    if (digestOf(whole) !== last.digest) return failure(400, "DIGEST_INVALID");
    this.#uploads.delete(id);
    const digest = this.addBlob(whole);
    return created(`/v2/${repository}/blobs/${digest}`, digest);
  }

  #meaning(repository: string, tag: string, accept = "*/*"): Conversion | undefined {
    const own = this.#tags.get(`${repository}:${tag}`);
    const conversion = this.#conversions.get(`${repository}:${tag}`);
    const type = this.#manifests.get(`${repository}@${own}`)?.mediaType;
    if (conversion === undefined || accept.includes("*/*") || accept.includes(`${type}`))
      return own;
    return conversion;
  }

  #uploadState(repository: string, id: string): Answer {
    const size = this.#uploads.get(id)?.length ?? 0;
    const headers = {
      location: `/v2/${repository}/blobs/uploads/${id}`,
      range: `0-${Math.max(0, size - 1)}`,
      "docker-upload-uuid": id,
    };
    return { status: 202, headers, body: Buffer.alloc(0) };
  }
}

function created(location: string, digest: Digest): Answer {
  const headers = { location, "docker-content-digest": digest };
  return { status: 201, headers, body: Buffer.alloc(0) };
}

/** The spec's error body. */
export function failure(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const answer = json(status, { errors: [{ code, message: code.toLowerCase(), detail: null }] });
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

export function json(status: number, value: unknown): Answer {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { "content-type": "application/json" }, body };
}
