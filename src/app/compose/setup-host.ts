/** What set-ups of clients have to know of the settings, for the front page and for `entrepot setup`. */
import type { SetupHost } from "../../doors/front-page/setup-facts.ts";
import { HostedHosts } from "../../doors/server/own-names.ts";
import { calledName, canonicalRegistry, type Registry } from "../../protocol/registry-name.ts";
import type { Settings } from "../settings/settings.ts";

export function setupHostOf(settings: Settings): Omit<SetupHost, "authority" | "proxyPort"> {
  const hosted = new HostedHosts(settings.hosted.hosts);
  return {
    publicUrl: settings.listen.publicUrl,
    registries: namedRegistries(settings),
    virtualHosts: virtualHosts(settings),
    isHosted: (host) => hosted.hasAllOf(host),
  };
}

/** Names that stand for one registry, by what clients call that. */
function virtualHosts({ mirror }: Settings): ReadonlyMap<string, Registry> {
  return new Map(
    mirror.hosts.flatMap(({ host, registry, namespace }) =>
      registry === undefined
        ? []
        : [[host, { ...registry, name: namespace ?? calledName(registry.name) }]],
    ),
  );
}

/** What clients are set up for besides the usual registries: those that the operator named. */
function namedRegistries({ mirror, registries }: Settings): readonly Registry[] {
  const mirrored = [...mirror.hosts, ...mirror.config].flatMap(({ registry }) => registry ?? []);
  const named = registries.registries.flatMap(({ pattern, scheme }): Registry[] => {
    const name = canonicalRegistry(pattern);
    return name === undefined ? [] : [{ name, scheme }];
  });
  return [...mirrored.map((one) => ({ ...one, name: calledName(one.name) })), ...named];
}
