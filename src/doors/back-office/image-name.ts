/** The name of an image as people write it: `alpine`, `ghcr.io/owner/app:v1`, `…@sha256:…`. */
import { parseReference, parseRepositoryName } from "../../protocol/reference.ts";
import { canonicalRegistry, type RegistryName } from "../../protocol/registry-name.ts";
import type { ImageName } from "../../store/catalogue-store.ts";

/** The registry that a name of this machine stands for, if it does. */
export type StandsFor = (host: string) => RegistryName | undefined;

/** As Docker reads it: without a registry it is Docker Hub's, without a tag `latest`. */
export function parseImageName(
  text: string,
  standsFor: StandsFor = () => undefined,
): ImageName | undefined {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  const hasRegistry = /[.:]/.test(first) || first === "localhost";
  const registry = hasRegistry ? registryOf(first, standsFor) : canonicalRegistry("docker.io");
  const rest = hasRegistry ? text.slice(slash + 1) : text;
  const [, name = "", tag = "latest", digest] =
    /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/.exec(rest) ?? [];
  const reference = digest ?? tag;
  const isOfficial = registry === "docker.io" && !name.includes("/");
  const repository = parseRepositoryName(isOfficial ? `library/${name}` : name);
  if (registry === undefined || repository === undefined) return undefined;
  return parseReference(reference) === undefined ? undefined : { registry, repository, reference };
}

/** Clients may call it by the port that they reach it at, too. */
function registryOf(name: string, standsFor: StandsFor): RegistryName | undefined {
  return standsFor(name.toLowerCase().replace(/:\d+$/, "")) ?? canonicalRegistry(name);
}
