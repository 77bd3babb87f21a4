/** What a request to a registry is for, by its path there: where it leads on to serves the same. */
import { parseRoute } from "../../protocol/route.ts";
import type { RegistryRequest } from "../registry-client.ts";
import type { Purpose } from "../upstream-event.ts";

export function askedBy({ method, target }: RegistryRequest): Purpose {
  const [path = ""] = target.split("?", 1);
  const { kind } = parseRoute(method, path);
  switch (kind) {
    case "manifest":
    case "blob":
    case "tags":
    case "referrers":
    case "upload":
      return kind;
    case "upload-start":
      return "upload";
    default:
      return "other";
  }
}

/** Some registries gather these anew each time, however soon they answer everything else. */
export function isList(request: RegistryRequest): boolean {
  const asked = askedBy(request);
  return asked === "tags" || asked === "referrers";
}
