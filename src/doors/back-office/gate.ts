/**
 * Who may read and who may change. On loopback reading needs no token, elsewhere it does; changing
 * always does, or comes through the socket that only its owner can open. What a foreign page in
 * somebody's browser sends, under whatever name, gets nowhere.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import type { Refusal } from "../refusal.ts";
import { isLoopback } from "../server/admission.ts";
import type { Sessions } from "./sessions.ts";

export type GateOptions = {
  /** Whether the listener can be reached from this machine alone. */
  readonly isLocal: boolean;
  /** ADMIN_TOKEN and ADMIN_READ_TOKEN. */
  readonly token: string | undefined;
  readonly readToken: string | undefined;
  /** ADMIN_HOST, and ADMIN_HOSTS: names besides loopback's under which it may be asked. */
  readonly hosts: readonly string[];
  readonly sessions: Sessions;
};

export const cookieName = "entrepot_session";

/** Pages a link may lead to from anywhere. */
const pages: ReadonlySet<string> = new Set(["/", "/login"]);

type Level = "none" | "read" | "change";

export class Gate {
  readonly #options: GateOptions;
  readonly #token: Buffer | undefined;
  readonly #readToken: Buffer | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#token = options.token === undefined ? undefined : hash(options.token);
    this.#readToken = options.readToken === undefined ? undefined : hash(options.readToken);
  }

  /** Why not; undefined when it may. */
  refusal(request: IncomingMessage): Refusal | undefined {
    const { method = "", headers } = request;
    const [path = ""] = (request.url ?? "").split("?", 1);
    if (!path.startsWith("/")) return { status: 400, sentence: "the target must be a path" };
    if (!this.#isOurName(headers.host)) return wrongName;
    if (isForeign(request) && !isNavigation(request, path)) return foreign;
    if (method === "GET" || method === "HEAD") return this.#readRefusal(request, path);
    if (method !== "POST") return notAllowed;
    if (!isJson(headers["content-type"])) return notJson;
    return this.#changeRefusal(request);
  }

  #readRefusal(request: IncomingMessage, path: string): Refusal | undefined {
    // A link is its own key.
    if (path === "/login") return undefined;
    return this.#levelOf(request) === "none" ? tokenNeeded : undefined;
  }

  #changeRefusal(request: IncomingMessage): Refusal | undefined {
    const level = this.#levelOf(request);
    if (level === "change") return undefined;
    return level === "none" ? tokenNeeded : changeNeeded;
  }

  #isOurName(named: string | undefined): boolean {
    const host = parseHostPort(named ?? "", 80)?.host;
    if (host === undefined) return false;
    return host === "localhost" || isLoopback(host) || this.#options.hosts.includes(host);
  }

  #levelOf({ headers, socket }: IncomingMessage): Level {
    const given = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
    if (given !== undefined) return this.#levelOfToken(hash(given));
    const session = sessionIn(headers.cookie);
    if (session !== undefined && this.#options.sessions.has(session)) return "change";
    // Whatever the settings say, who came in by another address is no neighbour.
    const isHere = this.#options.isLocal && isLoopback(socket.localAddress ?? "");
    return isHere ? "read" : "none";
  }

  /** A token that is none gets nothing, where none would do too. */
  #levelOfToken(given: Buffer): Level {
    // Both are compared, so that the time tells nothing.
    const isToken = this.#token !== undefined && timingSafeEqual(this.#token, given);
    const isReader = this.#readToken !== undefined && timingSafeEqual(this.#readToken, given);
    if (isToken) return "change";
    return isReader ? "read" : "none";
  }
}

const wrongName: Refusal = {
  status: 421,
  sentence: "the back office is not asked under this name; write the host into ADMIN_HOSTS",
};
const foreign: Refusal = { status: 403, sentence: "another site's page may not ask this" };
const notAllowed: Refusal = {
  status: 405,
  sentence: "read with GET, change with POST",
  headers: { Allow: "GET, HEAD, POST" },
};
const notJson: Refusal = { status: 415, sentence: "a change is sent as application/json" };
const tokenNeeded: Refusal = {
  status: 401,
  sentence:
    "a token is needed (Authorization: Bearer …, ADMIN_TOKEN or ADMIN_READ_TOKEN); `entrepot dashboard` on the server prints a link",
  headers: { "WWW-Authenticate": 'Bearer realm="entrepot"' },
};
const changeNeeded: Refusal = {
  status: 403,
  sentence: "changing takes ADMIN_TOKEN; what was given is good for reading",
};

/** A browser says so, in whatever way it does. */
function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "none" && site !== "same-origin") return true;
  const { origin } = headers;
  if (origin === undefined) return false;
  return origin.replace(/^https?:\/\//, "") !== headers.host;
}

/** Somebody followed a link to a page. */
function isNavigation({ method, headers }: IncomingMessage, path: string): boolean {
  return (
    method === "GET" &&
    headers["sec-fetch-mode"] === "navigate" &&
    headers["sec-fetch-dest"] === "document" &&
    pages.has(path)
  );
}

function isJson(type: string | undefined): boolean {
  return /^application\/json *(?:;|$)/i.test(type ?? "");
}

function sessionIn(cookies: string | undefined): string | undefined {
  const pair = cookies?.split(";").find((each) => each.trim().startsWith(`${cookieName}=`));
  return pair?.trim().slice(cookieName.length + 1);
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
