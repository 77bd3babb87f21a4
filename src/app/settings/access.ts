/** Who may come in, and where they may go. */
import { choice, listOf, port, text, wholeNumber } from "./kind.ts";
import { addressRange } from "./network-kinds.ts";
import { optional, setting } from "./setting.ts";

/** Who may come in where nobody says otherwise. */
export const privateNetworks =
  "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fc00::/7 fe80::/10";

export const access = {
  title: "Who may come in, and where to",
  settings: {
    allowClients: setting({
      name: "ALLOW_CLIENTS",
      kind: listOf(addressRange),
      default: privateNetworks,
      help: `Client addresses that may use any door of the public listeners. What is written here takes the
        place of the default, so repeat what of it is to stay; 0.0.0.0/0 and ::/0 let everybody in.`,
    }),
    proxyAuth: optional({
      name: "PROXY_AUTH",
      kind: listOf(text, "user:password, several with blanks between"),
      isSecret: true,
      help: "Logins for the proxy itself, as user:password; left out, it asks for none.",
    }),
    maxConnectionsPerClient: setting({
      name: "MAX_CONNECTIONS_PER_CLIENT",
      kind: wholeNumber(1, 1_000_000, "a number"),
      default: "4096",
      help: "Open connections that one client address may have; loopback is exempt.",
    }),
    tunnel: setting({
      name: "TUNNEL",
      kind: choice("allow", "deny"),
      default: "allow",
      help: "Whether hosts that are no registries are reached through the proxy at all.",
    }),
    tunnelPorts: setting({
      name: "TUNNEL_PORTS",
      kind: listOf(port),
      default: "",
      help: "Ports that tunnels may reach besides 443 and 80.",
    }),
    upstreamAllowAddresses: setting({
      name: "UPSTREAM_ALLOW_ADDRESSES",
      kind: listOf(addressRange),
      default: "",
      help: "Addresses that may be dialled although they are private, loopback or link-local.",
    }),
  },
} as const;
