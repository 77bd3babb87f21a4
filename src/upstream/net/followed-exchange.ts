/**
 * One exchange as it is followed: its span ends when its answer is known and nothing more of it comes.
 * The registry that is asked is told of it, and nobody else: storage signs what it is asked for, and a
 * token service has no part in a pull. No path is in it, as the one of an upload opens that upload.
 */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { type RegistryName, registryAddress, type Scheme } from "../../protocol/registry-name.ts";
import { failureOf, type Span, type Tracing } from "../../runtime/tracing.ts";
import type { Purpose } from "../upstream-event.ts";

/** What is known of a request before it goes out. */
type Request = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  readonly onBehalfOf: RegistryName;
  readonly asked?: Purpose | undefined;
  readonly method: string;
  readonly headers: HeaderList;
};

export class FollowedExchange {
  readonly #span: Span;
  #status: number | undefined;
  #isOver = false;

  constructor(span: Span) {
    this.#span = span;
  }

  answered(status: number): void {
    this.#status = status;
    if (this.#isOver) this.#end(status);
  }

  /** Nothing more comes. */
  over(): void {
    this.#isOver = true;
    if (this.#status !== undefined) this.#end(this.#status);
  }

  failed(error: unknown): void {
    this.#span.end({ failure: failureOf(error) });
  }

  /** The request's fields, with ours in place of those that named a span before. */
  fieldsOf({ headers, address, onBehalfOf, asked }: Request): HeaderList {
    const isRegistry =
      formatHostPort(address) === formatHostPort(registryAddress(onBehalfOf)) && asked !== "token";
    if (!isRegistry) return headers;
    const ours = this.#span.fields().map(([name, value]) => [name, [value]] as const);
    return new Map([...headers, ...ours]);
  }

  #end(status: number): void {
    const failure = status >= 500 ? String(status) : undefined;
    this.#span.end({ attributes: { "http.response.status_code": status }, failure });
  }
}

/** Undefined for what is only passed along for a client that is no engine. */
export function follow(
  tracing: Tracing,
  { method, scheme, address, onBehalfOf, asked }: Request,
): FollowedExchange | undefined {
  if (asked === undefined) return undefined;
  const span = tracing.begin({
    name: `${method} ${asked}`,
    role: "asks",
    attributes: {
      "http.request.method": method,
      "url.scheme": scheme,
      "server.address": address.host,
      "server.port": address.port,
      "entrepot.registry": onBehalfOf,
      "entrepot.asked": asked,
    },
  });
  return new FollowedExchange(span);
}
