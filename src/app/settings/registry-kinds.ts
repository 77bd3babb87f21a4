/** What the settings about registries hold: hosts with what is special about them, logins. */
import type { RealmPair } from "../../protocol/known-registries.ts";
import type { Scheme } from "../../protocol/registry-name.ts";
import { parseCredentialHost } from "../../upstream/auth/auth-registries.ts";
import type { CredentialEntry, Login } from "../../upstream/auth/credential.ts";
import { parseAuthRealm } from "../../upstream/auth/realm-pairs.ts";
import type { CorporateProxy } from "../../upstream/net/corporate-proxy.ts";
import { isObject, pairsOf, readFields } from "./fields.ts";
import {
  type Kind,
  kind,
  listOf,
  listSchema,
  mapSchema,
  pairsSchema,
  QuotedValue,
  type Raw,
  text,
  textOf,
  textSchema,
  truth,
  WrongValue,
} from "./kind.ts";
import { corporateProxy, hostPattern, registryPattern } from "./network-kinds.ts";

export type RegistryEntry = {
  readonly pattern: string;
  readonly scheme: Scheme;
  /** The way out to this registry alone; undefined for the one that all use. */
  readonly proxy: CorporateProxy | "direct" | undefined;
  /** Its clients log in themselves: no shared login is ever added. */
  readonly hasOwnLogin: boolean;
};

/** Logins as written; the text waits for its delimiters, which are settings too. */
export type AuthRegistries = {
  readonly texts: readonly { readonly text: string; readonly isOneEntry: boolean }[];
  readonly entries: readonly CredentialEntry[];
};

const logins = listSchema({
  anyOf: [
    textSchema,
    mapSchema(
      {
        ...{ host: textSchema, user: textSchema, password: textSchema },
        ...{ identity_token: textSchema, helper: textSchema },
        repositories: listOf(text).schema,
      },
      ["host"],
    ),
  ],
});

export const registryEntry: Kind<RegistryEntry> = {
  schema: {
    anyOf: [
      textSchema,
      mapSchema({ host: textSchema, proxy: textSchema, own_login: { type: "boolean" } }, ["host"]),
    ],
  },
  word: "host",
  hint: registryPattern.hint,
  parse: (raw) => {
    if (!isObject(raw))
      return { ...registryPattern.parse(raw), proxy: undefined, hasOwnLogin: false };
    const fields = readFields(raw, "an entry", ["host", "proxy", "own_login"]);
    const named = fields.need("host", registryPattern);
    const hasOwnLogin = fields.get("own_login", truth) ?? false;
    return { ...named, hasOwnLogin, proxy: fields.get("proxy", ownProxy) };
  },
};

const ownProxy: Kind<CorporateProxy | "direct"> = {
  word: "url",
  hint: `${corporateProxy.hint}, or direct`,
  parse: (raw) => (raw === "direct" ? "direct" : corporateProxy.parse(raw)),
};

export const authRegistries: Kind<AuthRegistries> = {
  schema: { anyOf: [textSchema, logins] },
  word: "logins",
  hint: "host[:port]:user:password, several with blanks between",
  parse: (raw) => {
    if (!Array.isArray(raw))
      return { texts: [{ text: textOrFail(raw), isOneEntry: false }], entries: [] };
    return {
      texts: raw
        .filter((item) => typeof item === "string")
        .map((item) => ({ text: item, isOneEntry: true })),
      entries: raw
        .map((item, index) => (typeof item === "string" ? undefined : readLogin(item, index + 1)))
        .filter((entry) => entry !== undefined),
    };
  },
};

function textOrFail(raw: Raw): string {
  const value = textOf(raw);
  if (value === undefined) throw new WrongValue("is neither text nor a list");
  return value;
}

function readLogin(raw: Raw, position: number): CredentialEntry {
  const names = ["host", "user", "password", "identity_token", "helper", "repositories"];
  const fields = readFields(raw, `entry ${position}`, names);
  const address = fields.need("host", credentialHost);
  const repositories = fields.get("repositories", listOf(text));
  const server = textOf(isObject(raw) ? raw.host : undefined) ?? "";
  const helper = fields.get("helper", text);
  const token = fields.get("identity_token", text);
  const login = ((): Login => {
    if (helper !== undefined) return { kind: "helper", helper, server };
    if (token !== undefined) return { kind: "identity", token };
    return {
      kind: "password",
      user: fields.need("user", text),
      password: fields.need("password", text),
    };
  })();
  return { address, login, ...(repositories === undefined ? {} : { repositories }) };
}

const credentialHost = kind("host", "a host such as ghcr.io or registry.lan:5000", (value) =>
  parseCredentialHost(value),
);

/** `registry=token-host …`, or a YAML map. */
export const authRealms: Kind<readonly RealmPair[]> = {
  schema: pairsSchema,
  word: "pairs",
  hint: "registry-host=token-host, such as reg.example.com=git.example.com",
  parse: (raw) =>
    pairsOf(raw).map((written) => {
      const pair = parseAuthRealm(written);
      if (pair === undefined) throw new QuotedValue(["has", written]);
      return pair;
    }),
};

/** Hosts whose certificate is not checked; none for `true`. */
export const unverifiedHosts: Kind<readonly string[]> = {
  schema: { anyOf: [{ const: true }, pairsSchema] },
  word: "hosts",
  hint: "true, or the hosts that may go unchecked, such as registry.lan:5000=false",
  parse: (raw) => {
    const items = pairsOf(raw);
    if (items.length === 1 && items[0] === "true") return [];
    if (items.length === 1 && items[0] === "false") {
      throw new WrongValue("is false, which would leave every registry unchecked");
    }
    return items.map((item) => {
      const host = /^(.+)=false$/i.exec(item)?.[1];
      if (host === undefined) throw new QuotedValue(["has", item]);
      return hostPattern.parse(host);
    });
  },
};
