/** The way out to other registries. */
import { choice, listOf, path, verbatim } from "./kind.ts";
import { corporateProxy } from "./network-kinds.ts";
import { unverifiedHosts } from "./registry-kinds.ts";
import { optional, setting } from "./setting.ts";

export const upstream = {
  title: "Upstream",
  settings: {
    ca: setting({
      name: "UPSTREAM_CA",
      kind: listOf(path),
      default: "",
      help: "Files with certificates (PEM) to trust beside those of the system.",
    }),
    unverified: setting({
      name: "VERIFY_SSL",
      kind: unverifiedHosts,
      default: "true",
      help: `Certificates are always checked, but for hosts named here as registry.lan:5000=false. No login is
        ever sent to those.`,
    }),
    family: setting({
      name: "UPSTREAM_FAMILY",
      kind: choice("auto", "4", "6"),
      default: "auto",
      help: "Whether registries are reached over IPv4, IPv6, or whichever answers first.",
    }),
    httpsProxy: optional({
      name: "HTTPS_PROXY",
      environment: ["https_proxy", "HTTPS_PROXY"],
      kind: corporateProxy,
      isSecret: true,
      help: "The proxy between here and the internet, for https and for tunnels; https_proxy is read too.",
    }),
    httpProxy: optional({
      name: "HTTP_PROXY",
      environment: ["http_proxy", "HTTP_PROXY"],
      kind: corporateProxy,
      isSecret: true,
      help: "The same for registries that speak plain http; http_proxy is read too.",
    }),
    noProxy: setting({
      name: "NO_PROXY",
      environment: ["no_proxy", "NO_PROXY"],
      kind: verbatim,
      default: "",
      help: "Hosts, domains, addresses and ranges that are reached without it; no_proxy is read too.",
    }),
  },
} as const;
