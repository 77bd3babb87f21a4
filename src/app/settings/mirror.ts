/** The doors for clients that do not use a proxy, and real certificates for them. */
import { choice, listOf, path, port, text, verbatim } from "./kind.ts";
import { certificateName, mirrorConfig, mirrorHosts, mirrorLogin } from "./mirror-kinds.ts";
import { acmeDirectory, addressRange, registry, webAddress } from "./network-kinds.ts";
import { optional, setting } from "./setting.ts";
import { duration } from "./units.ts";

export const mirror = {
  title: "Mirror",
  settings: {
    hosts: setting({
      name: "MIRROR_HOSTS",
      kind: mirrorHosts,
      default: "",
      help: `Names of this machine that stand for a registry, as hub.example.com=docker.io, as a host and in front of
        a repository at the mirror; a name alone is one under which clients reach the proxy, as an ingress calls it.`,
    }),
    default: optional({
      name: "MIRROR_DEFAULT",
      kind: registry,
      help: "The registry meant when a request names none; docker.io when left out.",
    }),
    login: optional({
      name: "MIRROR_LOGIN",
      kind: mirrorLogin,
      help: "The mirror name at which clients log in with their own account, over TLS only.",
    }),
    allowClients: optional({
      name: "MIRROR_ALLOW_CLIENTS",
      kind: listOf(addressRange),
      help: "Clients that may have private images through a mirror although PROXY_AUTH is set.",
    }),
    config: setting({
      name: "CONFIG",
      kind: mirrorConfig,
      default: "[]",
      isSecret: true,
      hasFlag: false,
      help: `Registries with their logins as a JSON list, in the form of docker-registry-cache; the first is the
        default registry unless MIRROR_DEFAULT says otherwise.`,
    }),
    configUser: optional({
      name: "REGISTRY_PROXY_USERNAME",
      kind: text,
      hasFlag: false,
      help: "The login of every registry in CONFIG that has none of its own.",
    }),
    configPassword: optional({
      name: "REGISTRY_PROXY_PASSWORD",
      kind: verbatim,
      isSecret: true,
      hasFlag: false,
      help: "Its password.",
    }),
    acmeDirectory: optional({
      name: "ACME_DIRECTORY",
      kind: acmeDirectory,
      help: `Where certificates for the TLS listener are ordered (ACME), such as step-ca's directory; left out,
        Let's Encrypt, once ACME_DOMAINS is set.`,
    }),
    acmeEmail: optional({
      name: "ACME_EMAIL",
      kind: text,
      help: "Whom the ACME service may write to.",
    }),
    acmeDomains: setting({
      name: "ACME_DOMAINS",
      kind: listOf(certificateName),
      default: "",
      help: "Names to order certificates for, one each; *.example.com needs dns-01.",
    }),
    acmeChallenge: setting({
      name: "ACME_CHALLENGE",
      kind: choice("http-01", "dns-01"),
      default: "http-01",
      help: "How the ACME service is shown that the names are ours.",
    }),
    acmeDnsProvider: optional({
      name: "ACME_DNS_PROVIDER",
      kind: text,
      help: `Who sets the record of a dns-01 challenge: cloudflare; a command, which is called with set or
        unset, the record's name and its value; or an https:// address that takes POST /present and
        /cleanup, as lego's httpreq has them.`,
    }),
    httpreqUsername: optional({
      name: "HTTPREQ_USERNAME",
      kind: text,
      help: "User at the address in ACME_DNS_PROVIDER.",
    }),
    httpreqPassword: optional({
      name: "HTTPREQ_PASSWORD",
      kind: verbatim,
      isSecret: true,
      help: "That user's password.",
    }),
    acmeDnsWait: setting({
      name: "ACME_DNS_WAIT",
      kind: duration,
      default: "10 s",
      help: "How long a record of a dns-01 challenge is given to reach all servers of its zone.",
    }),
    cloudflareApiToken: optional({
      name: "CLOUDFLARE_API_TOKEN",
      kind: verbatim,
      isSecret: true,
      help: "Token that may read zones and edit DNS records, for ACME_DNS_PROVIDER=cloudflare.",
    }),
    cloudflareApi: setting({
      name: "CLOUDFLARE_API",
      kind: webAddress,
      default: "https://api.cloudflare.com/client/v4",
      help: "Where Cloudflare's API is reached.",
    }),
    acmeCa: optional({
      name: "ACME_CA",
      kind: path,
      help: "Certificate (PEM) by which an ACME service of your own is trusted.",
    }),
    acmeHttpPort: setting({
      name: "ACME_HTTP_PORT",
      kind: port,
      default: "80",
      help: "Port on which http-01 challenges are answered.",
    }),
  },
} as const;
