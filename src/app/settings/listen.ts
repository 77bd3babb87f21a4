/** Where clients reach the program. */
import { listOf, path, port } from "./kind.ts";
import { addressRange, listenHost } from "./network-kinds.ts";
import { optional, setting } from "./setting.ts";

export const listen = {
  title: "Listeners",
  settings: {
    host: setting({
      name: "HOST",
      kind: listenHost,
      default: "::",
      help: "Address the public listener is bound to. The default takes IPv4 and IPv6 on every interface.",
    }),
    port: setting({
      name: "PORT",
      kind: port,
      default: "3128",
      help: "Port of the public listener, where clients connect.",
    }),
    tlsPort: optional({
      name: "TLS_PORT",
      kind: port,
      help: "Port of a second listener that speaks TLS, for mirrors and people; left out, there is none.",
    }),
    tlsCert: optional({
      name: "TLS_CERT",
      kind: path,
      help: "Certificate of the TLS listener (PEM, with its chain), or a folder with cert.pem and key.pem.",
    }),
    tlsKey: optional({
      name: "TLS_KEY",
      kind: path,
      help: "Private key that belongs to TLS_CERT (PEM).",
    }),
    trustedProxies: setting({
      name: "TRUSTED_PROXIES",
      kind: listOf(addressRange),
      default: "",
      help: "Load balancers that may say, by PROXY protocol, whom they speak for.",
    }),
  },
} as const;
