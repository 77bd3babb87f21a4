/**
 * `/setup/check`: bash and curl find out on the client why pulls do not come from here. Nothing is
 * changed; an image that was pulled to try it is removed again.
 */
import { checkEngines } from "./check-engines.ts";
import { checkJava } from "./check-java.ts";
import { checkProxy } from "./check-proxy.ts";
import { olderProxyFacts } from "./older-proxy.ts";
import type { SetupFacts, SetupHandout } from "./setup-script.ts";

export const setupCheck: SetupHandout = {
  name: "check",
  aliases: ["doctor"],
  summary: "Finds out why pulls of this client do not come from this proxy; changes nothing.",
  print: printCheck,
};

function printCheck(facts: SetupFacts): string {
  const url = `${facts.mirror}/setup/check`;
  const [first] = facts.registries;
  const isMirrorAlone = facts.isOneRegistry === true;
  return `#!/usr/bin/env bash
# ${setupCheck.summary}
[ -n "\${BASH_VERSION-}" ] || { echo 'entrepot: this is a script for bash: run it with bash' >&2; exit 1; }
set -uo pipefail +o posix

usage() {
  cat <<'END'
${setupCheck.summary}

  curl -fsS ${url} | sudo bash

  --image IMAGE  what is pulled to try it; docker.io/library/hello-world:latest unless you say so
  --no-pull      do not try it
  --help         this text

ENTREPOT_LOGIN=user:password is the login for a proxy that asks for one.
Ends with 1 when something is wrong.
END
}

proxy=${facts.proxy}
mirror=${facts.mirror}
address=${facts.mirror.replace(/^https?:\/\//, "")}
# This name stands for one registry, and is no proxy.
only_registry=${isMirrorAlone ? (first?.name ?? "") : ""}
image=${isMirrorAlone && first?.name !== "docker.io" ? "" : "docker.io/library/hello-world:latest"}
root='' unit=docker.service
drop_in=/etc/systemd/system/docker.service.d/proxy-entrepot.conf

ca() {
  cat <<'END'
${facts.root.trim()}
END
}
${olderProxyFacts}${checkFrame}${checkProxy}${checkJava}${checkEngines}
main "$@"
`;
}

const checkFrame = `
pulling=yes failed=no system_trusts=unknown is_reached=no

well() { printf '\\342\\234\\224 %s\\n' "$1"; }
mind() { printf '! %s\\n' "$1"; mended_by "\${@:2}"; }
wrong() { failed=yes; printf '\\342\\234\\230 %s\\n' "$1"; mended_by "\${@:2}"; }
mended_by() {
  local line
  for line; do printf '    %s\\n' "$line"; done
}

# set_up NAME: the line that runs a script of this proxy
set_up() { printf 'curl -fsS %s/setup/%s | sudo bash' "$mirror" "$1"; }

has() { command -v "$1" >/dev/null 2>&1; }

main() {
  while (($#)); do
    case $1 in
      --image) image=\${2-}; shift || true ;;
      --no-pull) pulling=no ;;
      --help | -h) usage; exit 0 ;;
      *) printf 'entrepot: unknown option %s; --help lists them\\n' "$1" >&2; exit 2 ;;
    esac
    shift
  done
  if ! has curl; then wrong "curl is not here" "install the package curl"; exit 1; fi
  work=$(mktemp -d) || exit 1
  trap 'rm -rf "$work"' EXIT
  ca >"$work/ca.pem"
  case $image in
    '' | *[.:]*/*) ;;
    */*) image=docker.io/$image ;;
    *) image=docker.io/library/$image ;;
  esac
  api_host=\${image%%/*}
  [[ $api_host != docker.io ]] || api_host="registry-1.docker.io"
  check_reached
  if [[ $is_reached = yes ]]; then
    check_clock
    if [[ -z $only_registry ]]; then check_ca; check_java; fi
    if [[ $pulling = yes && -n $image ]]; then check_hit; fi
  fi
  check_older
  check_docker
  check_containerd
  check_podman
  [[ $failed = no ]]
}
`;
