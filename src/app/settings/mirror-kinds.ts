/** What the settings of the mirror hold: names of our own that stand for registries. */
import {
  canonicalRegistry,
  type Registry,
  type RegistryName,
} from "../../protocol/registry-name.ts";
import { type CorporateProxy, parseCorporateProxy } from "../../upstream/net/corporate-proxy.ts";
import { isObject, pairsOf, readFields } from "./fields.ts";
import {
  type Kind,
  kind,
  listSchema,
  pairsSchema,
  QuotedValue,
  type Raw,
  text,
  textOf,
  textSchema,
  WrongValue,
} from "./kind.ts";
import { corporateProxy, hostName, parseRegistry, registry } from "./network-kinds.ts";

/** A name of ours. */
export type MirrorHost = {
  readonly host: string;
  /** What clients that ask for it mean; undefined where the name says nothing about that. */
  readonly registry: Registry | undefined;
  /** What containerd may call that registry in `?ns=`, besides its own name. */
  readonly namespace?: RegistryName;
};

export type MirrorUpstream = {
  /** The name that clients use. */
  readonly registry: Registry;
  /** Where it is fetched from, if that is somewhere else. */
  readonly remote: Registry | undefined;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** Its own way out, where its variables say one. */
  readonly proxies: OwnProxies | undefined;
  /** What is written there and has no effect, as sentences call it. */
  readonly unread: readonly string[];
};

/** What is undefined is as for every registry. */
export type OwnProxies = {
  readonly https: CorporateProxy | undefined;
  readonly http: CorporateProxy | undefined;
  readonly except: string | undefined;
};

/** `mirror.example.com=docker.io hub.example.com=mirror.gcr.io?ns=docker.io mirror.corp …`, or a YAML map. */
export const mirrorHosts: Kind<readonly MirrorHost[]> = {
  schema: pairsSchema,
  word: "pairs",
  hint: "name=registry, such as hub.example.com=docker.io, or a name of the proxy alone, several with blanks between",
  parse: (raw) => {
    const hosts = pairsOf(raw).map(readPair);
    const names = hosts.map((each) => each.host);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new WrongValue(`has ${twice} twice`);
    return hosts;
  },
};

function readPair(pair: string): MirrorHost {
  const at = pair.indexOf("=");
  if (at < 0) return { host: hostName.parse(pair), registry: undefined };
  const host = hostName.parse(pair.slice(0, at));
  const [written = "", called] = pair.slice(at + 1).split("?ns=", 2);
  const target = parseRegistry(written);
  const namespace = called === undefined ? undefined : canonicalRegistry(called);
  if (target === undefined || (called !== undefined && namespace === undefined)) {
    throw new QuotedValue(["has", pair]);
  }
  return { host, registry: target, ...(namespace && { namespace }) };
}

/**
 * The list of lhns/docker-registry-cache: registries as text, or `{"registry", "variables"}` with the
 * login in REGISTRY_PROXY_USERNAME and REGISTRY_PROXY_PASSWORD. What else it holds has no meaning here,
 * and is told of.
 */
export const mirrorConfig: Kind<readonly MirrorUpstream[]> = {
  // What else it holds is told of and has no effect.
  schema: listSchema({ anyOf: [textSchema, { type: "object", required: ["registry"] }] }),
  isStructured: true,
  word: "json",
  hint: 'a JSON list such as ["ghcr.io", {"registry": "registry-1.docker.io"}]',
  parse: (raw) => {
    if (!Array.isArray(raw)) {
      const instead = "a JSON list of registries, or the path of a settings file as CONFIG_FILE";
      throw new WrongValue("is not a list", instead);
    }
    return raw.map((entry, index) => readUpstream(entry, `entry ${index + 1}`));
  },
};

function readUpstream(raw: Raw, where: string): MirrorUpstream {
  if (!isObject(raw)) return { registry: registry.parse(raw), ...nothingSpecial };
  const names = ["registry", "variables", "externalUri", "healthcheck"];
  const fields = readFields(raw, where, names);
  const variables = fields.get("variables", variableMap) ?? {};
  const address = variables.REGISTRY_PROXY_REMOTEURL;
  const remote =
    address === undefined ? fields.get("externalUri", registry) : registry.parse(address);
  return {
    registry: fields.need("registry", registry),
    remote,
    login: loginOf(variables, where),
    proxies: proxiesOf(variables, where),
    unread: [
      ...("healthcheck" in raw ? [`healthcheck in ${where}`] : []),
      ...Object.keys(variables)
        .filter((name) => !read.has(name))
        .map((name) => `${/^\w{1,60}$/.test(name) ? name : "a variable"} in ${where}`),
    ],
  };
}

const nothingSpecial = { remote: undefined, login: undefined, proxies: undefined, unread: [] };

/** The variables of an entry that mean something, each in the cases that are read. */
const read: ReadonlySet<string> = new Set([
  ...["REGISTRY_PROXY_REMOTEURL", "REGISTRY_PROXY_USERNAME", "REGISTRY_PROXY_PASSWORD"],
  ...["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"],
]);

function proxiesOf(
  variables: Readonly<Record<string, string>>,
  where: string,
): OwnProxies | undefined {
  const written = (name: string) => variables[name] || variables[name.toUpperCase()] || undefined;
  const proxy = (name: string) => {
    const address = written(name);
    if (address === undefined) return undefined;
    const parsed = parseCorporateProxy(address);
    if (parsed === undefined) {
      throw new WrongValue(`has no proxy's address as ${name} of ${where}`, corporateProxy.hint);
    }
    return parsed;
  };
  const own = {
    https: proxy("https_proxy"),
    http: proxy("http_proxy"),
    except: written("no_proxy"),
  };
  return Object.values(own).some((value) => value !== undefined) ? own : undefined;
}

const variableMap: Kind<Readonly<Record<string, string>>> = {
  word: "map",
  hint: "names and texts",
  parse: (raw) => {
    if (!isObject(raw)) throw new WrongValue("is no map");
    return Object.fromEntries(
      Object.entries(raw).map(([name, value]) => [name, textOf(value) ?? ""]),
    );
  },
};

function loginOf(
  variables: Readonly<Record<string, string>>,
  where: string,
): MirrorUpstream["login"] {
  const { REGISTRY_PROXY_USERNAME: user, REGISTRY_PROXY_PASSWORD: password } = variables;
  if (user === undefined && password === undefined) return undefined;
  if (!user || !password) {
    throw new WrongValue(
      `has half a login in ${where}`,
      "both REGISTRY_PROXY_USERNAME and REGISTRY_PROXY_PASSWORD",
    );
  }
  return { user, password };
}

/** A name in a certificate: a host, or all hosts right below one. */
export const certificateName: Kind<string> = kind(
  "name",
  "a host name such as mirror.example.com or *.example.com",
  (value) => {
    const name = value.trim().toLowerCase();
    const [, star = "", rest = ""] = /^(\*\.)?(.*)$/.exec(name) ?? [];
    return star + hostName.parse(rest);
  },
);

/** A mirror name that passes logins on: one of MIRROR_HOSTS, or the default registry. */
export const mirrorLogin: Kind<string> = kind(
  "name",
  "a name of MIRROR_HOSTS or the default registry",
  (value) => text.parse(value).toLowerCase(),
);
