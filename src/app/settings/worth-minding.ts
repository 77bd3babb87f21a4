/** What a person should know of settings that are right by themselves, a sentence each. */
import { AddressRanges, parseAddressRange } from "../../protocol/http/address-range.ts";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import { addressKind } from "../../upstream/net/address-kind.ts";
import type { Settings } from "./settings.ts";

export function worthMinding(settings: Settings): readonly string[] {
  return [...unread(settings), ...unguarded(settings), ...onThisMachine(settings)];
}

/** What CONFIG and its companions hold that has no effect. */
function unread({ mirror }: Settings): readonly string[] {
  const { config, configUser, configPassword } = mirror;
  const alone = Object.entries({
    REGISTRY_PROXY_USERNAME: configUser,
    REGISTRY_PROXY_PASSWORD: configPassword,
  }).filter(([, value]) => value !== undefined && config.length === 0);
  return [
    ...config.flatMap((entry) => entry.unread).map((what) => `CONFIG has ${what}, without effect`),
    ...alone.map(
      ([name]) => `${name} has no effect without CONFIG; AUTH_REGISTRIES has the logins`,
    ),
  ];
}

/** Who shows no certificate can still come by the proxy, which cannot ask for one. */
function unguarded({ listen, access }: Settings): readonly string[] {
  if (listen.tlsClientCa === undefined || access.proxyAuth !== undefined) return [];
  return [
    `TLS_CLIENT_CA is for TLS_PORT; the forward proxy on port ${listen.port} lets in all of ALLOW_CLIENTS; write PROXY_AUTH=user:password to have it ask too`,
  ];
}

/** Nobody is led to what listens on this machine alone, unless the operator says so. */
function onThisMachine({ registries, access }: Settings): readonly string[] {
  const ranges = access.upstreamAllowAddresses.flatMap((text) => parseAddressRange(text) ?? []);
  const allowed = new AddressRanges(ranges);
  return registries.registries.flatMap(({ pattern }) => {
    const host = parseHostPort(pattern, 443)?.host ?? "";
    const address = host === "localhost" ? "127.0.0.1" : host;
    if (addressKind(address) !== "loopback" || allowed.has(address)) return [];
    return [
      `${pattern} in REGISTRIES is on this machine, and not asked; write UPSTREAM_ALLOW_ADDRESSES=${address} if it is to be`,
    ];
  });
}
