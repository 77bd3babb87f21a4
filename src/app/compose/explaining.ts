/** What explains a pull: what the cache, the policy and the logins have to say of it. */
import { type Explained, explain } from "../../doors/back-office/explain.ts";
import type { Figures } from "../../doors/back-office/figures.ts";
import type { Images } from "../../doors/back-office/images.ts";
import {
  parseReference,
  parseRepositoryName,
  type RepositoryName,
} from "../../protocol/reference.ts";
import { type Registry, registryAddress, registryNameOf } from "../../protocol/registry-name.ts";
import type { ImageName } from "../../store/catalogue-store.ts";
import { spokenTo } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";
import type { Cache } from "./cache.ts";
import { imagePolicy } from "./image-policy.ts";
import type { Upstream } from "./upstream.ts";

export type ExplainingParts = {
  readonly settings: Settings;
  readonly figures: Figures;
  readonly images: Images;
  readonly cache: Pick<Cache, "pulls">;
  readonly upstream: Pick<Upstream, "authorizer">;
};

/** Undefined where the name is none. */
export function explaining(parts: ExplainingParts) {
  const policy = imagePolicy(parts.settings.registries.policy);
  const speak = spokenTo(parts.settings);
  return async (name: ImageName): Promise<readonly string[] | undefined> => {
    const reference = parseReference(name.reference);
    const repository = parseRepositoryName(name.repository);
    if (reference === undefined || repository === undefined) return undefined;
    const called = { name: name.registry as Registry["name"], scheme: "https" } as const;
    const registry = speak(called);
    const known = { ...name, registry: registry.name };
    const verdict = policy?.judge(
      registryNameOf(registryAddress(registry.name)),
      repository,
      reference.kind === "tag" ? reference.tag : undefined,
    );
    return explain({
      name,
      outlook: await parts.cache.pulls.outlook({ registry, repository }, reference),
      refusal: refusalOf(verdict),
      login: loginOf(parts, registry, repository),
      upstream: parts.figures.upstream
        .registries()
        .find((one) => one.registry === parts.figures.labelOf(registry.name)),
      image: await parts.images.show(known),
    });
  };
}

type Verdict = ReturnType<NonNullable<ReturnType<typeof imagePolicy>>["judge"]>;

function refusalOf(verdict: Verdict | undefined): string | undefined {
  if (verdict?.kind === "denied") return `POLICY denies "${verdict.rule}"`;
  return verdict?.kind === "notAllowed" ? "POLICY does not allow it" : undefined;
}

function loginOf(
  { upstream }: ExplainingParts,
  registry: Registry,
  repository: RepositoryName,
): Explained["login"] {
  const credential = upstream.authorizer.credentialOf(registry, repository);
  if (credential === undefined) return "none";
  return credential.isRefused ? "refused" : "works";
}
