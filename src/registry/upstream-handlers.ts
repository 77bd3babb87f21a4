/**
 * What is done for a registry that is elsewhere: pulls go through the cache, writes and everything
 * else to the registry itself, token requests to whoever makes its tokens.
 */
import { hasLogin } from "../protocol/http/basic-auth.ts";
import { headerValue } from "../protocol/http/header-list.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import type { Ask } from "./ask.ts";
import type { Exchange, FindHandler, Handler, Reply } from "./exchange.ts";
import { passRefusal } from "./failure.ts";
import { outsideAccess } from "./login/access.ts";
import { passThrough } from "./pass-through.ts";
import { pullBlob, pullManifest } from "./pull/content.ts";
import { pullList } from "./pull/list.ts";
import { pushManifest } from "./push/manifest.ts";
import { pushUpload } from "./push/upload.ts";
import { UploadLocations } from "./push/upload-locations.ts";
import { findHandler, type Handlers, isReading } from "./router.ts";
import { policed } from "./rules/policed.ts";
import type { UpstreamHandlerParts } from "./upstream-parts.ts";

const usualBodyIdle = 60_000;

/** The handlers of all registries that are elsewhere. */
export function upstreamHandlers(parts: UpstreamHandlerParts): FindHandler {
  const { tokens, basicTokens, rules, isPushAllowed } = parts;
  const locations = new UploadLocations(parts.now ?? (() => performance.now()));
  const bare = handlersOf(parts, locations);
  const handlers = rules === undefined ? bare : policed(bare, rules);
  const find: FindHandler = ({ ask, method, route }) => {
    const refusal = isReading(route, method) ? undefined : writesNothing(ask);
    if (refusal !== undefined) throw new RegistryError("DENIED", refusal);
    return findHandler(route, method, handlers, isPushAllowed);
  };
  return (exchange) => {
    const { ask, method, route, tally } = exchange;
    if (route.kind !== "outside" && route.kind !== "other") return find(exchange);
    // A path that a registry sent an upload on to stays a token path where it is one.
    if (basicTokens?.isTokenRequest(ask, method) === true) {
      tally.isToken = true;
      return (asked) => basicTokens.answer(asked);
    }
    if (tokens.isTokenRequest(ask, method)) {
      return (asked) => tokens.answer(asked, async () => find(asked)(asked));
    }
    const recognised = locations.recognised(exchange);
    const handler = find(recognised);
    return () => handler(recognised);
  };
}

/** Why this client writes nowhere, also not where a registry asks nobody for a login; undefined when it may. */
function writesNothing({ door, isOpen, isPublicOnly, foreign }: Ask): string | undefined {
  if (foreign !== undefined) return foreign;
  if (door !== "mirror" || !isOpen || isPublicOnly !== true) return undefined;
  return "this proxy asks for a login (PROXY_AUTH), which a mirror cannot: push through the proxy, or name this client in MIRROR_ALLOW_CLIENTS there";
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

/**
 * The same handler, which asks again without a login where a bare read was refused with the operator's.
 * Some engines never ping (containerd, buildkit), and learn how to log in from what they read: what that
 * login does not open at a Basic registry is refused them in the registry's own words.
 */
function withBareRefusals(handler: Handler, client: RegistryClient): Handler {
  return async (exchange) => {
    const reply = await handler(exchange).catch(passRefusal);
    if (!isBareRefusal(exchange, reply)) return reply;
    reply.response.body.destroy();
    exchange.tally.isShared = false;
    return passThrough(
      exchange,
      { kind: "none", from: exchange.ask.client },
      client,
      usualBodyIdle,
    );
  };
}

function isBareRefusal(
  { ask, headers, tally }: Exchange,
  reply: Reply,
): reply is Extract<Reply, { kind: "passed" }> {
  if (reply.kind !== "passed" || ask.door !== "proxy" || !tally.isShared) return false;
  if (hasLogin(headerValue(headers, "authorization"))) return false;
  return [401, 403, 404].includes(reply.response.status);
}
