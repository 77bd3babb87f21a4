/**
 * The form of an OAuth2 token request (distribution, auth/oauth.md): read whole, since only then is it
 * known whether it is a login, and kept as it came, since a login is passed on byte for byte.
 */
import { headerValue } from "../../protocol/http/header-list.ts";
import { ownTokenIn } from "../../protocol/own-token.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange } from "../exchange.ts";

export type TokenForm =
  /** `login`: it holds a password, a refresh token or a grant of another kind. */
  | {
      readonly kind: "login" | "anonymous";
      readonly fields: URLSearchParams;
      /** Each reader gets the whole. */
      readonly body: AsyncIterable<Uint8Array>;
      /** It holds nothing that is good once alone. */
      readonly isRepeatable: boolean;
    }
  /** No form at all: it has not been read. */
  | { readonly kind: "foreign" };

const maxForm = 65_536;
/** A request with one of these says who is asking. */
const secrets = ["password", "refresh_token", "access_token", "code", "assertion", "client_secret"];

/** Throws RegistryError 413 past 64 KiB, 401 for a token of ours in it; a client that sends nothing for so long is cut off. */
export async function readTokenForm(exchange: Exchange, idleMs = 60_000): Promise<TokenForm> {
  const type = headerValue(exchange.headers, "content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) return { kind: "foreign" };
  const bytes = await readAll(exchange, idleMs);
  const fields = new URLSearchParams(bytes.toString("utf8"));
  refuseOwnTokens(fields);
  const isLogin = secrets.some((name) => fields.getAll(name).some((value) => value !== ""));
  const isRepeatable = !fields.has("code") && !fields.has("assertion");
  const body = { [Symbol.asyncIterator]: () => once(bytes) };
  return { kind: isLogin ? "login" : "anonymous", fields, body, isRepeatable };
}

/** A token of ours is no login at a token service, and never goes upstream. Throws RegistryError. */
export function refuseOwnTokens(fields: URLSearchParams): void {
  for (const value of fields.values()) {
    if (ownTokenIn(value) === undefined) continue;
    throw new RegistryError("UNAUTHORIZED", "a token from this proxy opens no token service");
  }
}

async function readAll({ request, tally }: Exchange, idleMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => {
    request.destroy(new Error("the client stopped sending"));
  }, idleMs);
  try {
    for await (const chunk of request) {
      timer.refresh();
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      tally.received += bytes.length;
      if (size > maxForm) {
        throw new RegistryError("SIZE_INVALID", "a token request has at most 64 KiB", {
          status: 413,
        });
      }
      chunks.push(bytes);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
