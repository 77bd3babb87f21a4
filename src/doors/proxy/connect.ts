/**
 * CONNECT: admitted, decided on by host and port, then intercepted, tunnelled or refused. A refusal says why
 * in its reason phrase. Never throws and never rejects. A client speaks TLS only once its CONNECT is
 * answered, so that a crowd's handshakes are spread over turns of the event loop as its CONNECTs are.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { formatHostPort, type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { SpreadOverTicks } from "../../runtime/spread-over-ticks.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { ObserveDoor } from "../door-event.ts";
import {
  askedOf,
  loginNeeded,
  notAllowed,
  type Refusal,
  refusalOf,
  refuseConnect,
} from "../refusal.ts";
import { type Admission, clientAddress } from "../server/admission.ts";
import type { InterceptDecision } from "../server/intercept-decision.ts";
import type { OpenSockets } from "../server/listener.ts";
import { framingProblem } from "../server/request-head.ts";
import type { RequestQueues } from "../server/request-queues.ts";
import type { ConnectCall } from "./front-door.ts";
import type { Interceptor } from "./intercept.ts";
import { joinSockets, type TunnelDialer } from "./tunnel.ts";

export type ConnectOptions = {
  readonly admission: Admission;
  readonly decision: InterceptDecision;
  readonly interceptor: Interceptor;
  readonly queues: Pick<RequestQueues, "isBusy">;
  readonly dialer: TunnelDialer;
  readonly open: OpenSockets;
  /** One begins, and more wait for theirs. */
  readonly onCrowd?: () => void;
  readonly observe: ObserveDoor;
  /** Milliseconds without a byte either way, after which a tunnel counts as idle; a minute. */
  readonly silentAfter?: number;
};

/** With its handshake each takes a millisecond. */
const begunPerTurn = 8;

export class Connect {
  readonly #options: ConnectOptions;
  readonly #turns = new SpreadOverTicks(begunPerTurn);

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  async handle(call: ConnectCall): Promise<void> {
    const { request, socket } = call;
    // What follows a CONNECT is read by nobody who waits for an answer before it.
    if (this.#options.queues.isBusy(socket)) return void socket.destroy();
    const client = clientAddress(socket);
    this.#options.admission.occupy(socket);
    const gone = new AbortController();
    const leave = () => gone.abort();
    socket.once("close", leave);
    try {
      await new Promise<void>((begin) => this.#turns.run(begin, client));
      if (this.#turns.isBehind) this.#options.onCrowd?.();
      if (socket.destroyed) return;
      const address = this.#admit(request, socket, client);
      if (isRefusal(address)) this.#refuse(call, client, address);
      else await this.#judged(call, address, gone.signal);
    } catch (error) {
      this.#refuse(call, client, this.#refusalFor(error, client));
    } finally {
      socket.off("close", leave);
    }
  }

  #admit(request: IncomingMessage, socket: Socket, client: string): HostPort | Refusal {
    const { admission, interceptor } = this.#options;
    if (interceptor.insideOf(socket) !== undefined) {
      return { status: 405, sentence: "no CONNECT inside a CONNECT" };
    }
    if (!admission.mayEnter(client)) return notAllowed(client);
    const problem = framingProblem(request);
    if (problem !== undefined) return problem;
    const address = parseHostPort(request.url ?? "");
    if (address === undefined) return { status: 400, sentence: "CONNECT needs host:port" };
    if (!admission.hasLogin(request.headers["proxy-authorization"])) return loginNeeded;
    return address;
  }

  async #judged(call: ConnectCall, address: HostPort, signal: AbortSignal): Promise<void> {
    const { admission, decision, interceptor } = this.#options;
    const client = clientAddress(call.socket);
    const verdict = await decision.connect(address, call.request.headers["user-agent"]);
    if (call.socket.destroyed) return;
    if (verdict.kind === "refused") this.#refuse(call, client, verdict.refusal);
    else if (verdict.kind === "through") await this.#tunnel(call, address, signal);
    else {
      const registry = verdict.kind === "own" ? undefined : verdict.registry;
      admission.release(call.socket);
      interceptor.intercept(call.socket, call.head, {
        address,
        registry,
        client,
        adopt: call.adopt,
      });
    }
  }

  async #tunnel(call: ConnectCall, address: HostPort, signal: AbortSignal): Promise<void> {
    const { dialer, open, observe } = this.#options;
    const { socket, head } = call;
    const client = clientAddress(socket);
    const upstream = await dialer.dial(address, { signal });
    if (socket.destroyed) {
      upstream.destroy();
      return;
    }
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    this.#restIfSilent(socket, upstream);
    const host = formatHostPort(address);
    observe({ kind: "tunnelOpened", client, host });
    const traffic = await joinSockets(socket, upstream, open);
    observe({ kind: "tunnelClosed", client, host, ...traffic });
  }

  /** Nobody knows what a silent tunnel is kept for: it stays, unless its place is wanted. */
  #restIfSilent(socket: Socket, upstream: Socket): void {
    const { admission, silentAfter = 60_000 } = this.#options;
    const passed = (): number => upstream.bytesRead + upstream.bytesWritten;
    upstream.setTimeout(silentAfter);
    upstream.on("timeout", () => {
      const before = passed();
      admission.release(socket, () => passed() === before);
    });
  }

  #refuse(call: ConnectCall, client: string, refusal: Refusal): void {
    const asked = askedOf(call.request);
    const { status, sentence, why } = refusal;
    this.#options.observe({ kind: "refused", client, asked, status, reason: sentence, why });
    refuseConnect(call.socket, refusal);
  }

  #refusalFor(error: unknown, client: string): Refusal {
    if (error instanceof UpstreamError) return refusalOf(error);
    this.#options.observe({ kind: "handlerFailed", client, cause: error });
    return { status: 500, sentence: "the proxy failed; its log says why" };
  }
}

function isRefusal(value: HostPort | Refusal): value is Refusal {
  return "sentence" in value;
}
