/** Where clients reach the program. */
import { type Kind, kind, listOf, path, port, wholeNumber } from "./kind.ts";
import { addressRange, hostName, listenHost, webAddress } from "./network-kinds.ts";
import { optional, setting } from "./setting.ts";

const portOrNone: Kind<number> = {
  ...wholeNumber(0, 65_535, "a port"),
  word: "port",
  hint: "a port from 1 to 65535, or 0",
};

/** Shorter ones can be guessed. */
const token: Kind<string> = kind("token", "16 characters or more, without blanks", (text) =>
  /^[\x21-\x7e]{16,}$/.test(text.trim()) ? text.trim() : undefined,
);

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
    publicUrl: optional({
      name: "PUBLIC_URL",
      kind: webAddress,
      help: `Where clients reach the proxy if its name is a public one, such as https://mirror.example.com behind
        an ingress; under public names it does not know to be its own, it gives out public images alone.
        Logins to a hosted registry of that name are sent there.`,
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
    tlsClientCa: optional({
      name: "TLS_CLIENT_CA",
      kind: path,
      help: `CA (PEM) whose certificates clients of the TLS listener have to show. Mirrors and what is pushed here
        then answer there alone, and on this machine; the forward proxy on PORT asks for a login, if PROXY_AUTH has one.`,
    }),
    adminHost: setting({
      name: "ADMIN_HOST",
      kind: listenHost,
      default: "127.0.0.1",
      help: `Address of the back office: metrics and what a person wants to see. Anywhere but on loopback
        reading needs a token.`,
    }),
    adminPort: setting({
      name: "ADMIN_PORT",
      kind: portOrNone,
      default: "3129",
      help: "Port of the back office; 0 for none: commands on this machine reach it all the same.",
    }),
    adminToken: optional({
      name: "ADMIN_TOKEN",
      kind: token,
      isSecret: true,
      help: "What has to be shown to the back office by who wants to change something: Authorization: Bearer.",
    }),
    adminReadToken: optional({
      name: "ADMIN_READ_TOKEN",
      kind: token,
      isSecret: true,
      help: "What opens the back office for reading alone, for Prometheus on another machine.",
    }),
    adminHosts: setting({
      name: "ADMIN_HOSTS",
      kind: listOf(hostName),
      default: "",
      help: `Names and addresses, besides loopback's and the one in ADMIN_HOST, under which the back office
        may be asked.`,
    }),
    trustedProxies: setting({
      name: "TRUSTED_PROXIES",
      kind: listOf(addressRange),
      default: "",
      help: "Load balancers that may say, by PROXY protocol, whom they speak for.",
    }),
  },
} as const;
