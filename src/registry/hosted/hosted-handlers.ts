/** What is done for the registry that is here: nothing of it asks anybody else. */
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange, FindHandler, Own } from "../exchange.ts";
import { findHandler, type Handlers } from "../router.ts";
import { askerOf, challenge, tokenPath } from "./asker.ts";
import type { HostedParts } from "./hosted-parts.ts";
import { listHosted } from "./list.ts";
import { json } from "./own.ts";
import { pullHostedBlob, pullHostedManifest } from "./pull.ts";
import { answerToken } from "./token.ts";
import { beginUpload, goOnUpload } from "./upload.ts";
import { deleteHosted, putHostedManifest } from "./write.ts";

export function hostedHandlers(parts: HostedParts): FindHandler {
  const handlers: Handlers = {
    ping: (exchange) => ping(exchange, parts),
    pullBlob: (exchange) => pullHostedBlob(exchange, parts),
    pullManifest: (exchange) => pullHostedManifest(exchange, parts),
    pullList: (exchange) => listHosted(exchange, parts),
    pushUpload: (exchange) => write(exchange, parts),
    pushManifest: (exchange) =>
      exchange.method === "PUT"
        ? putHostedManifest(exchange, parts)
        : deleteHosted(exchange, parts),
    pass: nothingThere,
  };
  return ({ ask, method, route, tally }) => {
    const [path] = ask.target.split("?", 1);
    if (path === tokenPath && (method === "GET" || method === "POST")) {
      tally.isToken = true;
      return (exchange) => answerToken(exchange, parts);
    }
    // ALLOW_PUSH is about registries elsewhere.
    return findHandler(route, method, handlers, true);
  };
}

/** Engines learn from this alone how to log in, so whoever could is told, also where pulls need none. */
async function ping(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { user, scopes } = await askerOf(exchange, parts);
  const isKnown = user !== undefined || scopes !== undefined;
  if (!isKnown && parts.logins.areKept) throw challenge(exchange.ask, parts);
  return json({});
}

function write(exchange: Exchange, parts: HostedParts): Promise<Own> {
  switch (exchange.route.kind) {
    case "upload-start":
      return beginUpload(exchange, parts);
    case "upload":
      return goOnUpload(exchange, parts);
    case "blob":
      return deleteHosted(exchange, parts);
    default:
      return nothingThere();
  }
}

async function nothingThere(): Promise<never> {
  throw new RegistryError("UNSUPPORTED", "this registry has no such path", { status: 404 });
}
