/**
 * Some engines never ping (containerd, buildkit), and learn how to log in from what they read: what the
 * operator's login does not open at a Basic registry is refused them in the registry's own words.
 */
import { hasLogin } from "../../protocol/http/basic-auth.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import type { RegistryClient } from "../../upstream/registry-client.ts";
import type { Exchange, Handler, Reply } from "../exchange.ts";
import { passRefusal } from "../failure.ts";
import { passThrough } from "../pass-through.ts";

const bodyIdle = 60_000;

/** The same handler, which asks again without a login where a bare read was refused with the operator's. */
export function withBareRefusals(handler: Handler, client: RegistryClient): Handler {
  return async (exchange) => {
    const reply = await handler(exchange).catch(passRefusal);
    if (!isBareRefusal(exchange, reply)) return reply;
    reply.response.body.destroy();
    exchange.tally.isShared = false;
    return passThrough(exchange, { kind: "none", from: exchange.ask.client }, client, bodyIdle);
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
