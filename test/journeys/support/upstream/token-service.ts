/**
 * The token service of a journey's registry: JWTs signed with a key that Debian's docker-registry
 * trusts, pull for everybody except on private repositories, everything for those with a login
 * (distribution spec/auth/token.md and jwt.md).
 */
import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer as createPlainServer, type RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Certificate } from "../../../support/certificates.ts";

export type TokenServiceOptions = {
  readonly service: string;
  readonly users: Readonly<Record<string, string>>;
  readonly privateRepositories: readonly string[];
  /** The signer; its `ca` goes into the registry's rootcertbundle. */
  readonly certificate: Certificate;
};

export type TokenReply = { readonly status: number; readonly body: object };

export const issuer = "entrepot-journeys";

export class TokenService {
  readonly #options: TokenServiceOptions;
  readonly #header: string;

  constructor(options: TokenServiceOptions) {
    this.#options = options;
    const der = new X509Certificate(options.certificate.cert).raw.toString("base64");
    this.#header = encode({ typ: "JWT", alg: "RS256", x5c: [der] });
  }

  /** `authorization` as it came; scopes like `repository:acme/tool:pull,push`. */
  answer(authorization: string | undefined, scopes: readonly string[]): TokenReply {
    const user = this.#userOf(authorization);
    if (authorization !== undefined && user === undefined) {
      const errors = [{ code: "UNAUTHORIZED", message: "incorrect username or password" }];
      return { status: 401, body: { errors } };
    }
    const now = Math.floor(Date.now() / 1_000);
    const access = scopes.flatMap((scope) => this.#grant(scope, user !== undefined));
    const payload = encode({
      iss: issuer,
      sub: user ?? "",
      aud: this.#options.service,
      exp: now + 300,
      nbf: now - 30,
      iat: now,
      jti: randomUUID(),
      access,
    });
    const text = `${this.#header}.${payload}`;
    const key = createPrivateKey(this.#options.certificate.key);
    const token = `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
    const body = { token, access_token: token, expires_in: 300, issued_at: isoNow() };
    return { status: 200, body };
  }

  #userOf(authorization: string | undefined): string | undefined {
    const encoded = /^Basic (\S+)$/.exec(authorization ?? "")?.[1];
    const text = Buffer.from(encoded ?? "", "base64").toString();
    const user = text.slice(0, text.indexOf(":"));
    const password = text.slice(text.indexOf(":") + 1);
    return encoded !== undefined && this.#options.users[user] === password ? user : undefined;
  }

  #grant(scope: string, hasLogin: boolean): object[] {
    const match = /^repository:(.+):([a-z,*]+)$/.exec(scope);
    if (match === null) return [];
    const [, name = "", asked = ""] = match;
    const isOpen = !this.#options.privateRepositories.includes(name);
    const actions = asked.split(",").filter((action) => hasLogin || (isOpen && action === "pull"));
    return actions.length === 0 ? [] : [{ type: "repository", name, actions }];
  }
}

type Place = { readonly address: string; readonly certificate?: Certificate };

/** It alone on a port of this address, by GET. */
export async function openTokenService(
  tokens: TokenService,
  { address, certificate }: Place,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const answer: RequestListener = ({ url = "/", headers }, response) => {
    const scopes = new URL(url, "http://realm").searchParams.getAll("scope");
    const asked = scopes.flatMap((scope) => scope.split(" "));
    const { status, body } = tokens.answer(headers.authorization, asked);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const server =
    certificate === undefined ? createPlainServer(answer) : createServer(certificate, answer);
  server.listen(0, address);
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** Whose login, or whose token of this service, an Authorization is; "" for anybody's. */
export function userOf(authorization: string | undefined): string {
  const [scheme = "", value = ""] = (authorization ?? "").split(" ");
  if (/^basic$/i.test(scheme)) return Buffer.from(value, "base64").toString().replace(/:.*/s, "");
  const payload = Buffer.from(value.split(".")[1] ?? "", "base64url").toString();
  return /"sub":"([^"]*)"/.exec(payload)?.[1] ?? "";
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function isoNow(): string {
  return new Date().toISOString();
}
