/**
 * What this very host answers outside `/v2/`: the CA, set-up scripts, health, and a page for people.
 * A host name is echoed only after it has passed the grammar.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ownAnswerFields } from "../../protocol/http/own-answer-fields.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { type Refusal, refuseRequest } from "../refusal.ts";
import type { OriginCall } from "../server/calls.ts";
import { type Health, readiness } from "./health.ts";
import { clientsWithPages, printNotHere, printPage } from "./page.ts";
import { type SetupHost, setupFacts } from "./setup-facts.ts";
import { findHandout, handouts, printHandout, refusalOf } from "./setup-handouts.ts";

export type FrontPageOptions = SetupHost & { readonly health: () => Health };

type Answer = {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export class FrontPage {
  readonly #options: FrontPageOptions;

  constructor(options: FrontPageOptions) {
    this.#options = options;
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    call: OriginCall,
  ): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refuseRequest(response, onlyReading);
    }
    const { path } = splitTarget(call.target);
    const found = this.#answer(path, call);
    const answer = found === notHere && isBrowser(request) ? page(printNotHere(), 404) : found;
    if ("sentence" in answer) return refuseRequest(response, answer);
    response.writeHead(answer.status, {
      ...ownAnswerFields,
      "Content-Type": answer.type,
      "Content-Length": Buffer.byteLength(answer.body),
      "Cache-Control": "no-cache",
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : answer.body);
  }

  #answer(path: string, call: OriginCall): Answer | Refusal {
    const { authority, health } = this.#options;
    const trusted = `${authority.root}${authority.next?.root ?? ""}`;
    const fingerprint = { "X-Ca-Fingerprint-Sha256": authority.fingerprint };
    switch (path) {
      case "/ca.crt":
        return certificate("application/x-x509-ca-cert", trusted, fingerprint);
      case "/ca.pem":
        return certificate("application/x-pem-file", trusted, fingerprint);
      case "/healthz":
        return { status: 200, type: "text/plain; charset=utf-8", body: "ok\n" };
      case "/readyz":
        return { ...readiness(toldTo(call, health())), type: "application/json" };
    }
    const word = path.startsWith("/setup/") ? path.slice("/setup/".length) : "";
    const given = findHandout(word);
    const only = clientsWithPages.find((id) => id === word);
    if (given === undefined && only === undefined && path !== "/") return notHere;
    if (call.host === undefined) return badHost;
    const facts = setupFacts(this.#options, { ...call, host: call.host });
    if (given === undefined) {
      const scripts = handouts.filter((one) => refusalOf(one, facts) === undefined);
      return page(printPage({ facts, scripts }, { outsiders: call.foreign?.name, only }));
    }
    // Not as a script: a browser would store it and not show it.
    return { status: 200, type: "text/plain; charset=utf-8", body: printHandout(given, facts) };
  }
}

/** Of what is wrong an outsider hears nothing. */
function toldTo({ foreign }: OriginCall, health: Health): Health {
  return foreign === undefined ? health : { phase: health.phase, degraded: [] };
}

const onlyReading: Refusal = {
  status: 405,
  sentence: "this page can only be read",
  headers: { Allow: "GET, HEAD" },
};

const notHere: Refusal = { status: 404, sentence: "there is no such page; / lists what there is" };

const badHost: Refusal = {
  status: 400,
  sentence: "the Host field is no host name that could be put into a script",
};

function certificate(
  type: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Answer {
  return { status: 200, type, body, headers };
}

/** Only browsers name the type; curl and Go take anything. */
function isBrowser({ headers }: IncomingMessage): boolean {
  return headers.accept?.toLowerCase().includes("text/html") === true;
}

function page(body: string, status = 200): Answer {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  const headers = { "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer" };
  return { status, type: "text/html; charset=utf-8", body, headers };
}
