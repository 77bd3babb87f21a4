/** Which registries there are, and how to log in to them. */
import { choice, listOf, path, truth, verbatim } from "./kind.ts";
import { hostPattern } from "./network-kinds.ts";
import { policy } from "./policy-kinds.ts";
import { authRealms, authRegistries, registryEntry } from "./registry-kinds.ts";
import { optional, setting } from "./setting.ts";

export const registries = {
  title: "Registries",
  settings: {
    registries: setting({
      name: "REGISTRIES",
      kind: listOf(registryEntry),
      default: "",
      help: `Registries beside the well-known ones: host, host:port or *.suffix. A registry in a private
        network, or on a port other than 443, has to be named here. With http:// in front, mirrors reach it
        over plain HTTP, and no login is ever sent to it. In the YAML file an entry may be a
        map with host, proxy (its own way out, or direct) and own_login (never add a shared login).`,
    }),
    authRegistries: optional({
      name: "AUTH_REGISTRIES",
      kind: authRegistries,
      isSecret: true,
      help: `Logins that clients share, as host[:port]:user:password with blanks between. In the YAML file
        also a list of maps with host, user and password (or identity_token, or helper for a
        docker-credential helper), and repositories: patterns it is used for.`,
    }),
    authRegistriesDelimiter: setting({
      name: "AUTH_REGISTRIES_DELIMITER",
      kind: verbatim,
      default: " ",
      help: "What stands between the entries of AUTH_REGISTRIES; a blank means any white space.",
    }),
    authRegistryDelimiter: setting({
      name: "AUTH_REGISTRY_DELIMITER",
      kind: verbatim,
      default: ":",
      help: "What stands between the fields of an entry of AUTH_REGISTRIES.",
    }),
    authRealms: setting({
      name: "AUTH_REALMS",
      kind: authRealms,
      default: "",
      help: "Which token host belongs to which registry, as reg.example.com=git.example.com. No other host gets a login.",
    }),
    dockerConfig: optional({
      name: "DOCKER_CONFIG",
      kind: path,
      help: `A docker config.json (or its folder) with logins and credential helpers to use as well. Its hosts
        count as named, like those of AUTH_REGISTRIES.`,
    }),
    intercept: setting({
      name: "INTERCEPT",
      kind: choice("auto", "named"),
      default: "auto",
      help: `Whether registries that nobody named are found by asking an unknown host once (auto), or only the
        well-known ones and REGISTRIES are intercepted (named).`,
    }),
    interceptExcept: setting({
      name: "INTERCEPT_EXCEPT",
      kind: listOf(hostPattern),
      default: "",
      help: "Hosts that are never intercepted, always tunnelled.",
    }),
    allowPush: setting({
      name: "ALLOW_PUSH",
      kind: truth,
      default: "true",
      help: "Whether clients may push through the proxy, each with a login of its own.",
    }),
    policy: setting({
      name: "POLICY",
      kind: policy,
      default: "[]",
      help: `Which images may be had: lists of patterns, allow and deny, each registry/repository or
        registry/repository:tag, where * stays within a path segment and ** does not. What deny names is
        refused; with an allow list, so is everything that it does not name. And rules for tags under
        tags, the first that fits counts: registry, repository and tag (patterns), and ttl, immutable or
        no_cache. Best written in the YAML file, with quotes around patterns that begin with a star.`,
    }),
  },
} as const;
