/**
 * Hosts for tests of authentication: one real server on loopback that plays every host by its Host
 * field, and a transport that takes each name to it. What every host saw is written down.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { parseRawHeaders, printHeaders } from "../../../src/protocol/http/header-list.ts";
import { formatHostPort, parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { builtInRealmPairs, type RealmPair } from "../../../src/protocol/known-registries.ts";
import { canonicalRegistry, type Registry } from "../../../src/protocol/registry-name.ts";
import type { AuthEvent } from "../../../src/upstream/auth/auth-event.ts";
import { parseAuthRegistries } from "../../../src/upstream/auth/auth-registries.ts";
import { Authorizer } from "../../../src/upstream/auth/authorizer.ts";
import { ChallengeFinder } from "../../../src/upstream/auth/challenge-finder.ts";
import { ChallengeMemory } from "../../../src/upstream/auth/challenge-memory.ts";
import type { CredentialEntry } from "../../../src/upstream/auth/credential.ts";
import type { HelperAnswer } from "../../../src/upstream/auth/credential-helper.ts";
import { Credentials } from "../../../src/upstream/auth/credentials.ts";
import { RealmPairs } from "../../../src/upstream/auth/realm-pairs.ts";
import { RegistryTokens } from "../../../src/upstream/auth/registry-tokens.ts";
import { TokenClient } from "../../../src/upstream/auth/token-client.ts";
import { UnusedLogins } from "../../../src/upstream/auth/unused-logins.ts";
import { DownMemory } from "../../../src/upstream/down-memory.ts";
import type { Outgoing, Transport } from "../../../src/upstream/net/transport.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

export type Seen = {
  readonly host: string;
  readonly scheme: string;
  readonly method: string;
  readonly url: string;
  readonly onBehalfOf: string;
  readonly ledBy: string | undefined;
  readonly authorization: string | undefined;
  /** Everything that was sent, head and body, with base64 taken off. */
  readonly text: string;
};

export type Play = (request: IncomingMessage, response: ServerResponse) => void;

export type Loopback = {
  readonly transport: Pick<Transport, "send">;
  readonly seen: Seen[];
  /** From now on this is what the host does; undefined and it cannot be reached. */
  play(host: string, play: Play | undefined): void;
  at(host: string): Seen[];
  /** Every secret that the host saw. */
  secretsAt(host: string): string[];
};

export async function startLoopback(): Promise<Loopback> {
  const plays = new Map<string, Play>();
  const seen: Seen[] = [];
  const server = createServer((incoming, response) => {
    plays.get(incoming.headers.host ?? "")?.(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const send = async (outgoing: Outgoing) => {
    const host = formatHostPort(outgoing.address, outgoing.scheme === "http" ? 80 : 443);
    const body = await readBody(outgoing.body);
    seen.push(write(host, outgoing, body));
    if (!plays.has(host)) throw new UpstreamError("CONNECT", host, `${host} cannot be reached`);
    return exchange(port, host, outgoing, body);
  };
  return {
    transport: { send },
    seen,
    play: (host, play) => (play === undefined ? plays.delete(host) : plays.set(host, play)),
    at: (host) => seen.filter((one) => one.host === host),
    secretsAt: (host) =>
      seen
        .filter((one) => one.host === host)
        .flatMap((one) => one.text.match(/CANARY-[\w-]+/g) ?? []),
  };
}

function write(host: string, outgoing: Outgoing, body: Buffer): Seen {
  const { scheme, method, target, headers, onBehalfOf, ledBy } = outgoing;
  const authorization = headers.get("authorization")?.[0];
  const basic = Buffer.from(authorization?.split(" ")[1] ?? "", "base64").toString();
  const lines = [target, decodeURIComponent(target), ...printHeaders(headers), basic];
  const text = [...lines, decodeURIComponent(body.toString())].join("\n");
  return { host, scheme, method, url: target, onBehalfOf, ledBy, authorization, text };
}

async function readBody(body: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  if (body !== undefined) for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function exchange(port: number, host: string, outgoing: Outgoing, body: Buffer) {
  return new Promise<Awaited<ReturnType<Transport["send"]>>>((resolve, reject) => {
    const { method, target, headers, signal } = outgoing;
    const fields = { ...Object.fromEntries(headers), host, "content-length": body.length };
    const outbound = request(
      { host: "127.0.0.1", port, method, path: target, headers: fields as never, signal },
      (response) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: parseRawHeaders(response.rawHeaders),
          body: response,
        }),
    );
    outbound.on("error", (cause) => {
      const code = signal.aborted ? "ABORTED" : "RESET";
      reject(
        signal.reason instanceof UpstreamError
          ? signal.reason
          : new UpstreamError(code, host, cause.message, { cause }),
      );
    });
    outbound.end(body);
  });
}

/** Answers and ends. */
export function say(
  response: ServerResponse,
  status: number,
  body: unknown = "",
  headers: Record<string, string | string[]> = {},
): void {
  response.writeHead(status, headers);
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** A registry that wants tokens from this realm, and takes those it likes. */
export function bearerRegistry(
  challenge: string | string[],
  isGood: (authorization: string) => boolean = () => true,
): Play {
  return (incoming, response) => {
    const { authorization = "" } = incoming.headers;
    if (authorization.startsWith("Bearer ") && isGood(authorization)) return say(response, 200, {});
    // Who says what no server of ours can is heard of by the tests themselves.
    if (/[^\t -~]/.test(`${challenge}`)) response.destroy();
    else say(response, 401, { errors: [] }, { "www-authenticate": challenge });
  };
}

/** A token service that knows these logins; everybody else gets an anonymous token. */
export function tokenService(
  logins: Readonly<Record<string, string>> = {},
  options: { readonly anonymous?: boolean; readonly expiresIn?: number } = {},
): Play & { readonly issued: string[] } {
  const issued: string[] = [];
  const play = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { authorization } = incoming.headers;
    const login = Buffer.from(authorization?.split(" ")[1] ?? "", "base64").toString();
    const [user = "", ...password] = login.split(":");
    const isKnown = authorization !== undefined && logins[user] === password.join(":");
    if (!isKnown && (authorization !== undefined || options.anonymous === false)) {
      say(response, 401, { details: "incorrect username or password" });
      return;
    }
    const token = `${isKnown ? `CANARY-token-${user}` : "anonymous"}-${issued.length}`;
    issued.push(token);
    say(response, 200, { token, expires_in: options.expiresIn ?? 300 });
  };
  return Object.assign(play, { issued });
}

export const secret = Buffer.from("CANARY-secret-of-this-house-0001");

export type AuthOptions = {
  /** As in AUTH_REGISTRIES. */
  readonly auth?: string;
  readonly entries?: readonly CredentialEntry[];
  readonly realms?: readonly RealmPair[];
  readonly named?: readonly string[];
  /** Everybody where it is left out. */
  readonly isNamed?: (address: { host: string; port: number }) => boolean;
  readonly ownLogin?: readonly string[];
  readonly askHelper?: (helper: string, server: string) => Promise<HelperAnswer | undefined>;
  readonly isVerified?: (address: { host: string; port: number }) => boolean;
};

/** Everything of upstream/auth put together on a loopback, with a clock that stands. */
export function makeAuth(loopback: Loopback, options: AuthOptions = {}) {
  const time = { now: Date.UTC(2026, 0, 1) };
  const now = () => time.now;
  const events: AuthEvent[] = [];
  const observe = (event: AuthEvent) => void events.push(event);
  const entries = [...parseAuthRegistries(options.auth ?? ""), ...(options.entries ?? [])];
  const named = (options.named ?? []).flatMap((text) => parseHostPort(text, 443) ?? []);
  const pairs = new RealmPairs({
    known: builtInRealmPairs,
    configured: options.realms ?? [],
    named: [...named, ...entries.map((entry) => entry.address)],
  });
  const credentials = new Credentials({
    entries,
    pairs,
    secret,
    askHelper: options.askHelper ?? (async () => undefined),
    ownLogin: new Set((options.ownLogin ?? []).map((name) => registry(name).name)),
    isVerified: options.isVerified ?? (() => true),
    now,
    observe,
  });
  const memory = new ChallengeMemory({ now });
  const { transport } = loopback;
  const outages = new DownMemory({ now, observe: () => undefined });
  const limits = { outages, now, fullMs: 1_000, briefMs: 300 };
  const finder = new ChallengeFinder({ ...limits, transport, memory });
  const { isNamed = () => true } = options;
  const client = new TokenClient({ ...limits, isNamed, transport, observe });
  const unused = new UnusedLogins({ credentials, pairs, observe });
  const tokens = new RegistryTokens(credentials, client, unused);
  const authorizer = new Authorizer({ memory, finder, credentials, tokens });
  onTestFinished(async () => {
    await Promise.all([finder.close(), client.close()]);
  });
  return {
    outages,
    time,
    now,
    events,
    pairs,
    credentials,
    memory,
    finder,
    client,
    tokens,
    unused,
    authorizer,
  };
}

export function registry(text: string, scheme: "https" | "http" = "https"): Registry {
  const name = canonicalRegistry(text, scheme === "http" ? 80 : 443);
  if (name === undefined) throw new Error(`not a registry: ${text}`);
  return { name, scheme };
}

export const hub = registry("docker.io");
export const hubChallenge =
  'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';
export const hubHost = "registry-1.docker.io";
