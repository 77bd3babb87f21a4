/**
 * Builds the request to a token service from realm, service and scopes: a client's own request is
 * never forwarded with the operator's login. Nothing that lasts longer than the token is asked for.
 */
import { type HeaderList, headerList } from "../../protocol/http/header-list.ts";
import type { Attached } from "./credential.ts";
import type { Realm } from "./realm.ts";

export type TokenRequest = {
  readonly method: "GET" | "POST";
  readonly target: string;
  readonly headers: HeaderList;
  readonly form: string | undefined;
};

type Wanted = {
  readonly realm: Realm;
  readonly service: string;
  readonly scopes: readonly string[];
};

const clientId = "entrepot";

/** GET for anonymous and Basic; POST for a refresh token, or when a service knows nothing else. */
export function tokenRequest(
  wanted: Wanted,
  attached: Attached | undefined,
  isPost = attached !== undefined && attached.authorization === undefined,
): TokenRequest {
  return isPost && attached !== undefined ? post(wanted, attached) : get(wanted, attached);
}

function get(wanted: Wanted, attached: Attached | undefined): TokenRequest {
  const { realm, service, scopes } = wanted;
  const pairs = [
    ...realm.query,
    ...(service === "" ? [] : [`service=${encodeURIComponent(service)}`]),
    ...scopes.map((scope) => `scope=${encodeURIComponent(scope)}`),
  ];
  return {
    method: "GET",
    target: pairs.length === 0 ? realm.path : `${realm.path}?${pairs.join("&")}`,
    headers: headerList({ ...usualFields, authorization: attached?.authorization }),
    form: undefined,
  };
}

function post(wanted: Wanted, attached: Attached): TokenRequest {
  const { realm, service, scopes } = wanted;
  const form = new URLSearchParams({ client_id: clientId, service, scope: scopes.join(" ") });
  for (const [name, value] of Object.entries(attached.form)) form.set(name, value);
  const text = form.toString();
  return {
    method: "POST",
    target: realm.query.length === 0 ? realm.path : `${realm.path}?${realm.query.join("&")}`,
    headers: headerList({
      ...usualFields,
      "content-type": "application/x-www-form-urlencoded",
      "content-length": String(Buffer.byteLength(text)),
    }),
    form: text,
  };
}

const usualFields = { accept: "application/json", "accept-encoding": "identity" };
