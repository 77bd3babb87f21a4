/**
 * How names look to a client that reaches a registry under a prefix or a name of ours. Used by
 * answer.ts alone; the forward proxy changes nothing.
 */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { isJsonBomb } from "../../protocol/manifest.ts";
import { calledName, canonicalRegistry } from "../../protocol/registry-name.ts";
import type { Ask } from "../ask.ts";

/** Location and Link as this client must see them to come back through the same door. */
export function viewedFields(headers: HeaderList, ask: Ask): HeaderList {
  if (ask.door !== "mirror") return headers;
  const viewed = new Map(headers);
  const location = headers.get("location");
  if (location !== undefined)
    viewed.set(
      "location",
      location.map((line) => viewedUrl(line, ask)),
    );
  const links = headers.get("link");
  if (links !== undefined) {
    viewed.set(
      "link",
      links.map((line) =>
        line.replace(/<([^<>]*)>/g, (_, url: string) => `<${viewedUrl(url, ask)}>`),
      ),
    );
  }
  if (ask.view.namespace !== undefined) viewed.set("oci-namespace", [ask.view.namespace]);
  return viewed;
}

/** Whether a tag list or catalog must be rewritten for this client. */
export function hasOwnNames({ door, view }: Ask): boolean {
  return door === "mirror" && (view.repositoryPrefix !== "" || view.isLibraryImplied === true);
}

/** A tag list or catalog with the names this client knows; anything else comes back as it is. */
export function viewedNames(body: Uint8Array, ask: Ask): Uint8Array {
  const viewed = (name: string): string => viewedName(name, ask);
  if (isJsonBomb(body)) return body;
  try {
    const document: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    if (typeof document !== "object" || document === null || Array.isArray(document)) return body;
    const named = Object.entries(document).map(([key, value]: [string, unknown]) => {
      if (key === "name" && typeof value === "string") return [key, viewed(value)];
      if (key !== "repositories" || !Array.isArray(value)) return [key, value];
      return [key, value.map((name: unknown) => (typeof name === "string" ? viewed(name) : name))];
    });
    return Buffer.from(JSON.stringify(Object.fromEntries(named)));
  } catch {
    return body;
  }
}

function viewedName(name: string, { view }: Ask): string {
  const short = view.isLibraryImplied === true ? name.replace(/^library\//, "") : name;
  return view.repositoryPrefix + short;
}

/** A URL of the upstream's own `/v2/` becomes a path of ours; another host's is left alone. */
function viewedUrl(url: string, ask: Ask): string {
  const match = /^(?:http(s?):\/\/([^/?#]+))?(\/v2\/)(.*)$/is.exec(url);
  if (match === null) return url;
  const [, secure, authority, root = "", rest = ""] = match;
  if (authority !== undefined && !isItsOwn(authority, secure === "", ask)) return url;
  const { repositoryPrefix, namespace } = ask.view;
  const path = root + repositoryPrefix + rest;
  if (namespace === undefined || /[?&]ns=/.test(rest)) return path;
  return `${path}${rest.includes("?") ? "&" : "?"}ns=${encodeURIComponent(namespace)}`;
}

/** Behind a proxy that ends TLS a registry may call itself http:// although it is reached by https. */
function isItsOwn(authority: string, isPlain: boolean, { registry }: Ask): boolean {
  const name = calledName(registry.name);
  const ports = isPlain ? [80, 443] : [443];
  return ports.some((port) => canonicalRegistry(authority, port) === name);
}
