/**
 * Which registry does an origin-form `/v2/` request mean? By virtual host, path prefix, `?ns=`, or
 * else the default registry, in this order; and how does the upstream spell the path? Pure.
 */
import type { HostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import {
  canonicalRegistry,
  type Registry,
  type RegistryName,
} from "../../protocol/registry-name.ts";
import { parseRoute, printRoute } from "../../protocol/route.ts";
import type { View } from "../../registry/ask.ts";
import type { Refusal } from "../refusal.ts";

/** A name of ours behind which one registry stands. */
export type VirtualHost = {
  readonly host: string;
  readonly name: RegistryName;
  /** What `?ns=` may say of it, besides its own name. */
  readonly namespace?: RegistryName | undefined;
  /** Its challenges and logins pass through; otherwise it never challenges. */
  readonly isLogin: boolean;
};

/** Registries by the names that clients give them. */
export type MirrorRules = {
  readonly virtualHosts: readonly VirtualHost[];
  readonly defaultName: RegistryName;
  readonly isDefaultLogin: boolean;
  /** A registry the operator named or everybody knows: good as a path prefix whatever its name looks like. */
  readonly isKnown: (name: RegistryName) => boolean;
  /** Where it is fetched from, and how it is spoken to: https unless the operator said otherwise. */
  readonly registryOf: (name: RegistryName) => Registry;
};

export type Addressed = {
  /** As the client calls the registry. */
  readonly name: RegistryName;
  readonly registry: Registry;
  /** Path and query as the upstream names things. */
  readonly target: string;
  readonly view: View;
  readonly isLogin: boolean;
};

/** Refused when `?ns=` is no host name, or names what the host does not stand for. `target` starts with `/v2`. */
export function addressMirror(
  target: string,
  host: HostPort | undefined,
  rules: MirrorRules,
): Addressed | Refusal {
  const { path, rest, namespaces } = split(target);
  const [namespace] = namespaces;
  if (new Set(namespaces).size > 1) return severalNamespaces;
  const named = namespace === undefined ? undefined : canonicalRegistry(namespace);
  if (namespace !== undefined && named === undefined) return badNamespace;
  const addressed = (name: RegistryName, isLogin: boolean, text = ""): Addressed => {
    const bare = path === "/v2" ? "/v2/" : `/v2/${path.slice(4 + text.length)}`;
    const upstreams = name === "docker.io" ? withLibrary(bare) : bare;
    const query = bare.endsWith("/blobs/uploads/") ? withSource(rest, text, name) : rest;
    const view = { repositoryPrefix: text, isLibraryImplied: upstreams !== bare, namespace };
    return { name, registry: rules.registryOf(name), isLogin, target: upstreams + query, view };
  };
  const virtual = rules.virtualHosts.find((one) => one.host === host?.host);
  if (virtual !== undefined) {
    const isMeant = named === undefined || namespacesOf(virtual).includes(named);
    return isMeant ? addressed(virtual.name, virtual.isLogin) : otherNamespace(virtual, named);
  }
  const prefix = prefixOf(path, named, rules);
  // A path-prefix name is one of many behind one challenge, and so can take no login.
  if (prefix !== undefined) return addressed(prefix.name, false, prefix.text);
  if (named !== undefined && named !== rules.defaultName) return addressed(named, false);
  return addressed(rules.defaultName, rules.isDefaultLogin);
}

const severalNamespaces: Refusal = {
  status: 400,
  sentence: "?ns= is there more than once, and names different registries",
};

const badNamespace: Refusal = { status: 400, sentence: "?ns= must be a registry's host name" };

/** What `?ns=` may say at a virtual host: the registry behind it, or the host itself. */
function namespacesOf({ host, name, namespace }: VirtualHost): readonly string[] {
  return [name, host, ...(namespace === undefined ? [] : [namespace])];
}

/** 404, so that a container engine goes on to the registry itself. */
function otherNamespace({ host, name }: VirtualHost, named: RegistryName): Refusal {
  return {
    status: 404,
    sentence: `${host} stands for ${name} and not for ${named}; if it is to, write ${host}=${name}?ns=${named} in MIRROR_HOSTS`,
  };
}

type Prefix = { readonly name: RegistryName; readonly text: string };

/** The first path segment where it names a registry, or a name of ours for one, and something follows it. */
function prefixOf(
  path: string,
  namespace: RegistryName | undefined,
  rules: MirrorRules,
): Prefix | undefined {
  const segment = /^\/v2\/([^/]+)\/./.exec(path)?.[1];
  const name = segment === undefined ? undefined : canonicalRegistry(segment);
  if (segment === undefined || name === undefined) return undefined;
  const text = `${segment}/`;
  const virtual = rules.virtualHosts.find(({ host }) => host === segment.toLowerCase());
  // Without a dot it may be a group as well.
  if (virtual !== undefined && segment.includes(".") && namespace === undefined)
    return { name: virtual.name, text };
  if (name === namespace || rules.isKnown(name)) return { name, text };
  // With ns the registry is already named; a dotted group of its own is then no host.
  if (namespace !== undefined || rules.defaultName !== "docker.io") return undefined;
  if (!/[.:]/.test(segment) && segment !== "localhost") return undefined;
  return { name, text };
}

/** At Docker Hub `alpine` is `library/alpine`; clients that take it for a mirror of theirs may not know. */
function withLibrary(path: string): string {
  const bareName =
    /^\/v2\/([^/]+)\/(?:manifests\/[^/]+|blobs\/[^/]+|tags\/list|referrers\/[^/]+|blobs\/uploads\/[^/]*)$/;
  return bareName.test(path) ? `/v2/library/${path.slice(4)}` : path;
}

/** A mount names a second repository, `from`, which the client spells as it does the first. */
function withSource(query: string, prefix: string, name: RegistryName): string {
  return query.replace(/(?<=[?&]from=)[^&]*/, (written) => {
    const from = decoded(written);
    const own = from.startsWith(prefix) ? from.slice(prefix.length) : from;
    const upstreams = name === "docker.io" && /^[\w.-]+$/.test(own) ? `library/${own}` : own;
    return upstreams === from ? written : encodeURIComponent(upstreams);
  });
}

type Split = {
  readonly path: string;
  readonly rest: string;
  readonly namespaces: readonly string[];
};

/** Takes `ns` out of the query; every other parameter stays as it was written. */
function split(target: string): Split {
  const { path: spelt, query } = splitTarget(target);
  // Some SDKs escape a name's slashes, the one after a registry's name too.
  const path = spelt.includes("%") ? (printRoute(parseRoute("GET", spelt)) ?? spelt) : spelt;
  if (query === "") return { path, rest: "", namespaces: [] };
  const parameters = query.split("&");
  const others = parameters.filter((one) => !one.startsWith("ns="));
  const found = parameters.filter((one) => one.startsWith("ns="));
  return {
    path,
    rest: others.join("&") === "" ? "" : `?${others.join("&")}`,
    namespaces: found.map((one) => decoded(one.slice(3))),
  };
}

/** A colon may come as `%3A`; what cannot be decoded is no name of anything either. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "%";
  }
}
