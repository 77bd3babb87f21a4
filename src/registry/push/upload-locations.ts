/**
 * Where registries have told clients to send their uploads on to. Such a URL is the registry's own and
 * may say nothing of the repository (`/artifacts-uploads/namespaces/…`): it is known by what was
 * answered, so that it obeys the same rules and forgets what an upload forgets.
 */
import type { CacheAnswer } from "../../cache/content.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { type Registry, registryAt } from "../../protocol/registry-name.ts";
import { type Route, repositoryOf } from "../../protocol/route.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import type { Exchange, Handler, Reply } from "../exchange.ts";

const dayMs = 86_400_000;
const mostBytes = 2 * 1024 * 1024;

type Known = { readonly repository: RepositoryName; readonly until: number };

export class UploadLocations {
  readonly #now: () => number;
  readonly #known = new FairMap<string, Known>({
    bytes: { limit: mostBytes, of: ({ repository }, key) => key.length + repository.length + 64 },
  });

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The same handler, which remembers where its answers send a client on to. */
  remembering(handler: Handler): Handler {
    return async (exchange) => {
      const reply = await handler(exchange);
      if (isStep(exchange.method)) this.#learn(exchange, reply);
      return reply;
    };
  }

  /** The request as one of the upload that its path belongs to; as it is where that is unknown. */
  recognised(exchange: Exchange): Exchange {
    const { ask, route } = exchange;
    if (route.kind !== "outside" && route.kind !== "other") return exchange;
    const known = this.#known.get(keyOf(ask.registry, route.path));
    if (known === undefined || known.until < this.#now()) return exchange;
    return { ...exchange, route: uploadAt(known.repository, route.path) };
  }

  #learn({ ask, route }: Exchange, reply: Reply): void {
    const repository = repositoryOf(route);
    const location = locationOf(reply);
    if (repository === undefined || location === undefined) return;
    const place = placeOf(location, ask.registry);
    if (place === undefined) return;
    const known = { repository, until: this.#now() + dayMs };
    this.#known.set(keyOf(place.registry, place.path), known, ask.client);
  }
}

function isStep(method: string): boolean {
  return method === "POST" || method === "PATCH";
}

function locationOf(reply: Reply | CacheAnswer): string | undefined {
  if (reply.kind !== "passed" || reply.response.status >= 400) return undefined;
  return headerValue(reply.response.headers, "location");
}

type Place = { readonly registry: Registry; readonly path: string };

/** Absolute, or a path of the same host: nothing of it is normalised, since clients send it as it is. */
function placeOf(location: string, registry: Registry): Place | undefined {
  const match = /^(https?):\/\/([^/?#]+)(\/[^#]*)/i.exec(location);
  if (match === null) {
    return location.startsWith("/") ? { registry, path: splitTarget(location).path } : undefined;
  }
  const [, text = "", authority = "", target = ""] = match;
  const scheme = text.toLowerCase() === "http" ? "http" : "https";
  const address = parseHostPort(authority, scheme === "http" ? 80 : 443);
  if (address === undefined) return undefined;
  // What stands at another registry is not this one's to say.
  const isHere = registryAt(address, scheme).name === registry.name;
  return isHere ? { registry, path: splitTarget(target).path } : undefined;
}

function keyOf({ name }: Registry, path: string): string {
  return `${name} ${path}`;
}

function uploadAt(repository: RepositoryName, path: string): Route {
  return { kind: "upload", repository, word: "uploads", session: path.slice(1) };
}
