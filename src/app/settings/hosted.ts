/** The registry for one's own images, beside the cache. */
import { hostedHosts, hostedRules } from "./hosted-kinds.ts";
import { path, truth } from "./kind.ts";
import { optional, setting } from "./setting.ts";
import { duration } from "./units.ts";

export const hosted = {
  title: "Hosted registry",
  settings: {
    hosts: setting({
      name: "HOSTED_HOSTS",
      kind: hostedHosts,
      default: "",
      help: `Names of this machine under which images are pushed to it and kept here, such as
        docker-registry.local or registry.lan:3128; one with a port is meant with that port alone. Left out,
        there is no such registry.`,
    }),
    htpasswd: optional({
      name: "HOSTED_HTPASSWD",
      kind: path,
      help: "File of its logins as htpasswd -B writes it (bcrypt), or with argon2 hashes; read again when it changes.",
    }),
    rules: setting({
      name: "HOSTED_RULES",
      kind: hostedRules,
      default: "[]",
      help: `Rules for its repositories: who may pull, push and delete there, which tags never change, and how
        much they may hold.`,
    }),
    anonymousPull: optional({
      name: "HOSTED_ANONYMOUS_PULL",
      kind: truth,
      help: "Whether anybody may pull from it; left out, only where there is no HOSTED_HTPASSWD.",
    }),
    anonymousPush: setting({
      name: "HOSTED_ANONYMOUS_PUSH",
      kind: truth,
      default: "false",
      help: "Whether anybody may push to it and delete from it.",
    }),
    readOnly: setting({
      name: "HOSTED_READ_ONLY",
      kind: truth,
      default: "false",
      help: "Refuses every push and delete for now; taken up while running.",
    }),
    lease: setting({
      name: "HOSTED_LEASE",
      kind: duration,
      default: "1 h",
      help: "How long what a push was told to be here stays, until a manifest names it.",
    }),
    sparse: setting({
      name: "HOSTED_SPARSE",
      kind: truth,
      default: "false",
      help: "Whether manifests may name layers that are not here.",
    }),
  },
} as const;
