/**
 * An S3 server of our own, as much of it as an archive needs, that misbehaves on command. Listings come
 * in pages of two, so that nobody forgets to turn them.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export type S3Operation =
  | "put"
  | "get"
  | "head"
  | "delete"
  | "list"
  | "create"
  | "part"
  | "complete"
  | "abort"
  | "uploads";

/**
 * `cut`: the connection ends after so many bytes of the body either way; `hang`: nothing comes; `late`: all
 * comes so many milliseconds later; `trickle`: so many bytes of what is given come each second.
 */
export type Misbehaviour =
  | { readonly kind: "status"; readonly status: number; readonly code: string }
  | { readonly kind: "cut"; readonly after: number }
  | { readonly kind: "late"; readonly milliseconds: number }
  | { readonly kind: "trickle"; readonly bytes: number }
  | { readonly kind: "hang" };

type Kept = { readonly bytes: Buffer; readonly metadata: Readonly<Record<string, string>> };
type Begun = {
  readonly key: string;
  readonly metadata: Kept["metadata"];
  readonly parts: Map<number, Buffer>;
  begunAt: number;
};

type Call = {
  readonly operation: S3Operation;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

const page = 2;

export class FakeS3 {
  readonly objects = new Map<string, Kept>();
  readonly uploads = new Map<string, Begun>();
  readonly calls: S3Operation[] = [];
  /** Called for each request. */
  misbehave: (operation: S3Operation, key: string) => Misbehaviour | undefined = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(port = 0): Promise<FakeS3> {
    const fake = new FakeS3();
    fake.#server.listen(port, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const { socket } = request;
      this.#answer(request, response).catch(() => socket.destroy());
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  count(operation: S3Operation): number {
    return this.calls.filter((each) => each === operation).length;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const [, , ...path] = decodeURIComponent(url.pathname).split("/");
    const key = path.join("/");
    const operation = operationOf(request.method ?? "", key, url.searchParams);
    this.calls.push(operation);
    const call = { operation, key, query: url.searchParams, request, response };
    const bad = this.misbehave(operation, key);
    if (bad?.kind === "hang") return;
    if (bad?.kind === "status") {
      fail(response, bad.status, bad.code);
      return;
    }
    if (bad?.kind === "cut" && operation !== "get") {
      await cutOff(request, bad.after);
      return;
    }
    if (bad?.kind === "late") await pause(bad.milliseconds);
    await this.#served(call, bad);
  }

  async #served(call: Call, bad: Misbehaviour | undefined): Promise<void> {
    const { operation, key, query, request, response } = call;
    const bytes = await bodyOf(request);
    const upload = this.uploads.get(query.get("uploadId") ?? "");
    switch (operation) {
      case "put":
        this.objects.set(key, { bytes, metadata: metadataOf(request) });
        response.setHeader("etag", '"none of anybody\'s business"').end();
        return;
      case "get":
      case "head":
        await this.#give(call, bad);
        return;
      case "delete":
        this.objects.delete(key);
        response.writeHead(204).end();
        return;
      case "list":
        this.#list(call);
        return;
      case "create": {
        const id = randomUUID();
        const metadata = metadataOf(request);
        this.uploads.set(id, { key, metadata, parts: new Map(), begunAt: Date.now() });
        xml(
          response,
          `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
        );
        return;
      }
      case "uploads":
        this.#listUploads(call);
        return;
      default:
        if (upload === undefined) fail(response, 404, "NoSuchUpload");
        else this.#goOn(call, upload, bytes);
    }
  }

  #goOn({ operation, query, response }: Call, upload: Begun, bytes: Buffer): void {
    const id = query.get("uploadId") ?? "";
    if (operation === "part") {
      upload.parts.set(Number(query.get("partNumber")), bytes);
      response.setHeader("etag", `"${query.get("partNumber")}"`).end();
      return;
    }
    this.uploads.delete(id);
    if (operation === "abort") {
      response.writeHead(204).end();
      return;
    }
    const named = [...bytes.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, n]) => Number(n));
    const parts = named.map((number) => upload.parts.get(number) ?? Buffer.alloc(0));
    this.objects.set(upload.key, { bytes: Buffer.concat(parts), metadata: upload.metadata });
    xml(response, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>");
  }

  async #give(call: Call, bad: Misbehaviour | undefined): Promise<void> {
    const kept = this.objects.get(call.key);
    if (kept === undefined) fail(call.response, 404, "NoSuchKey");
    else await this.#giveKept(call, kept, bad);
  }

  async #giveKept(
    { request, response, operation }: Call,
    kept: Kept,
    bad: Misbehaviour | undefined,
  ): Promise<void> {
    const size = kept.bytes.length;
    const range = rangeIn(request, size);
    if (range !== undefined && range.start >= size) {
      fail(response, 416, "InvalidRange");
      return;
    }
    const { start, end } = range ?? { start: 0, end: size };
    for (const [name, value] of Object.entries(kept.metadata)) response.setHeader(name, value);
    if (range !== undefined)
      response.setHeader("content-range", `bytes ${start}-${end - 1}/${size}`);
    response.writeHead(range === undefined ? 200 : 206, { "content-length": end - start });
    if (operation === "head") response.end();
    else if (bad?.kind === "trickle")
      await trickled(response, kept.bytes.subarray(start, end), bad.bytes);
    else if (bad?.kind === "cut") {
      const cut = Math.min(end, start + bad.after);
      response.write(kept.bytes.subarray(start, cut), () => response.socket?.destroy());
    } else response.end(kept.bytes.subarray(start, end));
  }

  #list({ query, response }: Call): void {
    const prefix = query.get("prefix") ?? "";
    const after = query.get("continuation-token") ?? "";
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const left = keys.filter((key) => key > after);
    const shown = left.slice(0, page);
    const contents = shown.map((key) => {
      const size = this.objects.get(key)?.bytes.length;
      return `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`;
    });
    const isMore = left.length > page;
    const token = isMore ? `<NextContinuationToken>${shown.at(-1)}</NextContinuationToken>` : "";
    const truncated = `<IsTruncated>${isMore}</IsTruncated>`;
    xml(response, `<ListBucketResult>${truncated}${token}${contents.join("")}</ListBucketResult>`);
  }

  #listUploads({ query, response }: Call): void {
    const after = query.get("upload-id-marker") ?? "";
    const ids = [...this.uploads.keys()].sort().filter((id) => id > after);
    const shown = ids.slice(0, page);
    const uploads = shown.map((id) => {
      const { key, begunAt } = this.uploads.get(id) as Begun;
      const initiated = new Date(begunAt).toISOString();
      return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
    });
    const isMore = ids.length > page;
    const next = `<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>${shown.at(-1)}</NextUploadIdMarker>`;
    const head = `<IsTruncated>${isMore}</IsTruncated>${isMore ? next : ""}`;
    xml(
      response,
      `<ListMultipartUploadsResult>${head}${uploads.join("")}</ListMultipartUploadsResult>`,
    );
  }
}

const turnsASecond = 10;

async function trickled(response: ServerResponse, bytes: Buffer, perSecond: number): Promise<void> {
  const length = Math.ceil(perSecond / turnsASecond);
  for (let start = 0; start < bytes.length && !response.destroyed; start += length) {
    response.write(bytes.subarray(start, start + length));
    await pause(1_000 / turnsASecond);
  }
  response.end();
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (key === "") return query.has("uploads") ? "uploads" : "list";
  const upload = { POST: "complete", PUT: "part", DELETE: "abort" } as const;
  const whole = { POST: "create", PUT: "put", DELETE: "delete", HEAD: "head" } as const;
  const names: Readonly<Record<string, S3Operation>> = query.has("uploadId") ? upload : whole;
  return names[method] ?? "get";
}

/** Takes so many bytes of it, and then no more. */
async function cutOff(request: IncomingMessage, after: number): Promise<void> {
  const { socket } = request;
  let taken = 0;
  for await (const chunk of request) {
    taken += chunk.length;
    if (taken >= after) break;
  }
  socket.destroy();
}

function rangeIn({ headers }: IncomingMessage, size: number) {
  const [, first, last = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  if (first === undefined) return undefined;
  return { start: Number(first), end: last === "" ? size : Math.min(size, Number(last) + 1) };
}

function metadataOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function xml(response: ServerResponse, text: string): void {
  response.setHeader("content-type", "application/xml").end(`<?xml version="1.0"?>${text}`);
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.statusCode = status;
  xml(response, `<Error><Code>${code}</Code><Message>as told</Message></Error>`);
}
