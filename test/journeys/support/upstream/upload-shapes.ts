/**
 * A docker-registry that sends uploads to URLs as GitHub's and Google's registries do: of another
 * shape than the usual one, and with Google outside `/v2/`, where clients send no login.
 */
import { once } from "node:events";
import { type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

export type UploadShape = "GitHub's" | "Google's";

type Asked = { readonly method: string; readonly path: string; readonly status: number };

export class UploadShapes {
  /** Everything that was asked, under the names its clients have for it. */
  readonly asked: Asked[] = [];
  readonly #shape: UploadShape;
  readonly #port: number;
  /** `user:password`, without which nothing under `/v2/` is answered. */
  readonly #login: string;
  /** The registry's own URL by that of its clients. */
  readonly #uploads = new Map<string, string>();

  constructor(shape: UploadShape, port: number, login: string) {
    this.#shape = shape;
    this.#port = port;
    this.#login = login;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    void this.#forward(request, response).catch(() => response.destroy());
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const note = (code: number): void => void this.asked.push({ method, path: url, status: code });
    const { authorization, ...others } = headers;
    const right = `Basic ${Buffer.from(this.#login).toString("base64")}`;
    if (url.startsWith("/v2/") && authorization !== right) {
      request.resume();
      note(401);
      response.writeHead(401, { "www-authenticate": 'Basic realm="uploads"' }).end();
      return;
    }
    const [upload = "", query = ""] = url.split("?");
    const own = this.#uploads.get(upload);
    const digest = new URLSearchParams(query).get("digest");
    const path = own === undefined ? url : withDigest(own, digest);
    const asked = plainRequest({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path,
      headers: others,
    });
    const sent = pipeline(request, asked);
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const { location, ...fields } = answer.headers;
    const status = answer.statusCode ?? 502;
    note(status);
    const its = location === undefined ? {} : { location: this.#named(location) };
    response.writeHead(status, { ...fields, ...its });
    await Promise.all([sent, pipeline(answer, response)]);
  }

  /** What clients are told in place of this Location. */
  #named(location: string): string {
    const [, name = "", id] = /^\/v2\/(.+)\/blobs\/uploads\/([^?]+)/.exec(location) ?? [];
    if (id === undefined) return location;
    const path =
      this.#shape === "GitHub's"
        ? `/v2/${name}/blobs/upload/${id}`
        : `/artifacts-uploads/namespaces/corp/repositories/${name}/uploads/AJ-${id}_y==`;
    this.#uploads.set(path, location);
    return path;
  }
}

function withDigest(upload: string, digest: string | null): string {
  return digest === null ? upload : `${upload}&digest=${digest}`;
}
