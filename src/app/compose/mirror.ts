/** The mirror door: which names stand for which registries, and who may have private images there. */

import type { ObserveDoor } from "../../doors/door-event.ts";
import type { MirrorRules, VirtualHost } from "../../doors/mirror/addressing.ts";
import { Mirror } from "../../doors/mirror/mirror.ts";
import { addressRanges } from "../../doors/server/admission.ts";
import { hostMatcher } from "../../protocol/host-pattern.ts";
import { builtInRegistries } from "../../protocol/known-registries.ts";
import { calledName, type Registry, registryAddress } from "../../protocol/registry-name.ts";
import type { RegistryEngine } from "../../registry/engine.ts";
import { defaultRegistry, spokenTo } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";
import type { Upstream } from "./upstream.ts";

export function composeMirror(
  settings: Settings,
  { probe, named }: Pick<Upstream, "probe" | "named">,
  engine: RegistryEngine,
  observe: ObserveDoor,
): Mirror {
  return new Mirror({
    rules: mirrorRules(settings, named),
    engine,
    isRegistry: (address) => probe.isRegistry(address),
    mayHaveShared: sharedClients(settings),
    observe,
  });
}

/** Once the proxy asks for logins, mirrors, which cannot, give away public images alone. */
function sharedClients({ access, mirror }: Settings): (client: string) => boolean {
  if ((access.proxyAuth ?? []).length === 0) return () => true;
  const ranges = addressRanges(mirror.allowClients ?? []);
  return (client) => ranges.has(client);
}

function mirrorRules(settings: Settings, named: readonly string[]): MirrorRules {
  const { hosts, login, config } = settings.mirror;
  const fallback = defaultRegistry(settings);
  const isKnown = hostMatcher([...named, ...builtInRegistries]);
  const asSpokenTo = spokenTo(settings);
  const places = new Map<string, Registry>();
  for (const { registry } of [...config, ...hosts, { registry: fallback }]) {
    if (registry !== undefined) places.set(calledName(registry.name), registry);
  }
  // What clients call by one name may be fetched from another place.
  for (const { registry, remote } of config) {
    if (remote !== undefined)
      places.set(calledName(remote.name), remote).set(calledName(registry.name), remote);
  }
  return {
    virtualHosts: hosts.flatMap(({ host, registry, namespace }): VirtualHost[] =>
      registry === undefined
        ? []
        : [{ host, name: calledName(registry.name), namespace, isLogin: host === login }],
    ),
    defaultName: calledName(fallback.name),
    isDefaultLogin:
      login === calledName(fallback.name) || login === registryAddress(fallback.name).host,
    isKnown: (name: Registry["name"]) => isKnown(registryAddress(name)),
    registryOf: (name: Registry["name"]): Registry =>
      asSpokenTo(places.get(name) ?? { name, scheme: "https" }),
  };
}
