/** Small answers of the hosted registry. */
import { headerList } from "../../protocol/http/header-list.ts";
import type { Own } from "../exchange.ts";

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

const apiVersion = { "docker-distribution-api-version": "registry/2.0" };

export function empty(status: number, fields: Fields): Own {
  return { kind: "own", status, headers: headerList({ ...apiVersion, ...fields }), body: nothing };
}

export function json(value: unknown, fields: Fields = {}): Own {
  const type = { "content-type": "application/json" };
  return {
    kind: "own",
    status: 200,
    headers: headerList({ ...apiVersion, ...type, ...fields }),
    body: Buffer.from(JSON.stringify(value)),
  };
}

const nothing = new Uint8Array();
