/**
 * How the S3 library's requests leave the house: not by a way of its own, but by the one that is handed
 * in, so that certificates, proxies, destinations and limits of time hold for it as for any other.
 */
import type { Readable } from "node:stream";
import { type HeaderList, headerList } from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import type { Scheme } from "../../protocol/registry-name.ts";

export type S3Request = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  readonly method: string;
  /** Origin-form, as it was signed. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** Somebody waits who could have it from elsewhere. */
  readonly isBrief: boolean;
  readonly signal: AbortSignal;
};

export type S3Response = {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Readable;
};

/** Resolves at the headers, whatever the status; rejects when there are none. */
export type SendToS3 = (request: S3Request) => Promise<S3Response>;

/** A request as the library hands it over, signed. */
export type Signed = {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

/** What the library calls a request handler. */
export class S3Http {
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #send: SendToS3;
  /** For requests whose caller gave no signal: all that is left of those ends with it. */
  readonly #life: AbortSignal;

  constructor(send: SendToS3, life: AbortSignal) {
    this.#send = send;
    this.#life = life;
  }

  async handle(
    request: Signed,
    { abortSignal: signal = this.#life }: { readonly abortSignal?: AbortSignal } = {},
  ) {
    const { method, query = {} } = request;
    const { status, headers, body } = await this.#send({
      ...{ ...placeOf(request), method, signal },
      target: targetOf(request),
      headers: headerList(request.headers),
      body: bodyOf(request.body),
      isBrief: method === "HEAD" || query["x-id"] === "GetObject",
    });
    const fields = [...headers].map(([name, values]) => [name, values.join(", ")]);
    return {
      response: { statusCode: status, headers: Object.fromEntries(fields), body },
    };
  }

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  updateHttpClientConfig(): void {
    // There is nothing here that the library could know better.
  }

  destroy(): void {
    // The way out is not ours to close.
  }
}

function placeOf({ protocol, hostname, port }: Signed): Pick<S3Request, "scheme" | "address"> {
  const scheme = protocol === "http:" ? "http" : "https";
  return { scheme, address: { host: hostname, port: port ?? (scheme === "http" ? 80 : 443) } };
}

export function urlOf(request: Signed): string {
  const { scheme, address } = placeOf(request);
  const authority = formatHostPort(address, scheme === "http" ? 80 : 443);
  return `${scheme}://${authority}${targetOf(request)}`;
}

/** Spelled as signatures have it (SigV4, "canonical query string"). */
function targetOf({ path, query = {} }: Signed): string {
  const parts = Object.keys(query)
    .sort()
    .flatMap((name) => {
      const value = query[name];
      const values = Array.isArray(value) ? value : [value];
      return values.map((each) => escaped(name) + (each == null ? "" : `=${escaped(each)}`));
    });
  return parts.length === 0 ? path : `${path}?${parts.join("&")}`;
}

function escaped(text: string): string {
  const encode = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, encode);
}

function bodyOf(body: unknown): AsyncIterable<Uint8Array> | undefined {
  if (body === undefined || body === null || body === "") return undefined;
  if (typeof body === "string") return once(Buffer.from(body));
  if (body instanceof Uint8Array) return once(body);
  return body as AsyncIterable<Uint8Array>;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
