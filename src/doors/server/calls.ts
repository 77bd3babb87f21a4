/** What reception makes of a request, for whoever answers it; and what it has to know of its connection. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { HostPort } from "../../protocol/http/host-port.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { Foreign } from "./foreign.ts";

/** What a connection that came through CONNECT was meant for. */
export type Inside = {
  readonly address: HostPort;
  /** Undefined when it is one of our own names. */
  readonly registry: Registry | undefined;
  readonly client: string;
  readonly isTls: boolean;
  /** The name the client's handshake asked for. */
  readonly sni: () => string | undefined;
};

/** A request for this very host: mirror, hosted registry or front page. */
export type OriginCall = {
  /** Path and query. */
  readonly target: string;
  /** The host as the client names it; undefined when it is missing or malformed. */
  readonly host: HostPort | undefined;
  readonly client: string;
  readonly isTls: boolean;
  /** Why it gets public content alone and may write nothing; undefined for clients of ours. */
  readonly foreign: Foreign | undefined;
  /** False when it came through the proxy door, by CONNECT or in absolute form. */
  readonly isDirect: boolean;
};

/** Plain HTTP for another host. */
export type ForwardCall = {
  readonly address: HostPort;
  readonly target: string;
  readonly client: string;
};

/** Who answers what came to one door. */
export interface CallHandler<Call> {
  handle(request: IncomingMessage, response: ServerResponse, call: Call): Promise<void>;
}

/** Knows what connections are inside of (doors/proxy/intercept.ts). */
export interface Insides {
  insideOf(connection: Duplex): Inside | undefined;
}
