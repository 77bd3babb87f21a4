/**
 * What is done for a registry that is elsewhere: pulls go through the cache, writes and everything
 * else to the registry itself, token requests to whoever makes its tokens.
 */
import { RegistryError } from "../protocol/registry-error.ts";
import type { Ask } from "./ask.ts";
import type { Exchange, FindHandler, Handler } from "./exchange.ts";
import { outsideAccess } from "./login/access.ts";
import { withBareRefusals } from "./login/bare-read.ts";
import { passThrough } from "./pass-through.ts";
import { pullBlob } from "./pull/blob.ts";
import { pullList } from "./pull/list.ts";
import { pullManifest } from "./pull/manifest.ts";
import { pushManifest } from "./push/manifest.ts";
import { pushUpload } from "./push/upload.ts";
import { UploadLocations } from "./push/upload-locations.ts";
import { findHandler, type Handlers, isReading } from "./router.ts";
import { policed } from "./rules/policed.ts";
import type { UpstreamHandlerParts } from "./upstream-parts.ts";

const usualBodyIdle = 60_000;

/** Why this client writes nowhere, also not where a registry asks nobody for a login; undefined when it may. */
function writesNothing({ door, isOpen, isPublicOnly, foreign }: Ask): string | undefined {
  if (foreign !== undefined) return foreign;
  if (door !== "mirror" || !isOpen || isPublicOnly !== true) return undefined;
  return "this proxy asks for a login (PROXY_AUTH), which a mirror cannot: push through the proxy, or name this client in MIRROR_ALLOW_CLIENTS there";
}

/** The handlers of all registries that are elsewhere. */
export function upstreamHandlers(parts: UpstreamHandlerParts): FindHandler {
  const { tokens, basicTokens, rules, isPushAllowed } = parts;
  const locations = new UploadLocations(parts.now ?? (() => performance.now()));
  const bare = handlersOf(parts, locations);
  const handlers = rules === undefined ? bare : policed(bare, rules);
  return (exchange) => {
    const { ask, method, tally } = exchange;
    const recognised = locations.recognised(exchange);
    // A path that a registry sent an upload on to stays a token path where it is one.
    const { route } = exchange;
    const find = ({ route: asked }: Exchange) => {
      const refusal = isReading(asked, method) ? undefined : writesNothing(ask);
      if (refusal !== undefined) throw new RegistryError("DENIED", refusal);
      return findHandler(asked, method, handlers, isPushAllowed);
    };
    const mayBeToken = route.kind === "outside" || route.kind === "other";
    if (mayBeToken && basicTokens?.isTokenRequest(ask, method) === true) {
      tally.isToken = true;
      return (asked) => basicTokens.answer(asked);
    }
    if (mayBeToken && tokens.isTokenRequest(ask, method)) {
      return (asked) => tokens.answer(asked, async () => find(asked)(asked));
    }
    const handler = find(recognised);
    return () => handler(recognised);
  };
}

function handlersOf(parts: UpstreamHandlerParts, locations: UploadLocations): Handlers {
  const { accessOf, client, hasSignatures, bodyIdle = usualBodyIdle } = parts;
  const reading = (handler: Handler) => withBareRefusals(handler, client);
  return {
    ping: (exchange) => parts.ping.answer(exchange),
    pullBlob: reading((exchange) => pullBlob(exchange, parts)),
    pullManifest: reading((exchange) => pullManifest(exchange, parts)),
    pullList: reading((exchange) => pullList(exchange, parts, bodyIdle)),
    pushUpload: locations.remembering((exchange) => pushUpload(exchange, parts, bodyIdle)),
    pushManifest: (exchange) => pushManifest(exchange, parts, bodyIdle),
    pass: async (exchange) => {
      const { ask, route, method } = exchange;
      const isRead = route.kind === "signatures" && (method === "GET" || method === "HEAD");
      if (isRead && hasSignatures?.(ask.registry) === true) {
        return pullList(exchange, parts, bodyIdle);
      }
      return passThrough(exchange, await outsideAccess(exchange, accessOf), client, bodyIdle);
    },
  };
}
