/** `/setup/docker` and `/setup/systemd`: a systemd drop-in with the proxy's address, and the CA. */

import { olderProxy } from "./older-proxy.ts";
import type { SetupScript } from "./setup-script.ts";
import { trustCa } from "./trust-ca.ts";

export const setupDocker: SetupScript = {
  name: "docker",
  // The name under which docker-registry-proxy has it.
  aliases: ["systemd"],
  summary: "Makes Docker pull through this proxy; image names stay as they are.",
  // What is named by the proxy's own address is pulled from it, not through it.
  body: (facts) => `${trustCa(facts, "docker")}
proxy=${facts.proxy}
unit=docker.service
# The name sorts after the usual http-proxy.conf, so that this one wins.
drop_in=/etc/systemd/system/docker.service.d/proxy-entrepot.conf
${olderProxy}
apply() {
  trust_ca
  put "$drop_in" <<'END'
# Written by entrepot: /setup/docker --undo removes it
[Service]
Environment="HTTP_PROXY=http://${facts.proxy}"
Environment="HTTPS_PROXY=http://${facts.proxy}"
Environment="NO_PROXY=localhost,127.0.0.0/8,::1,${hostOf(facts.proxy)}"
END
  [[ -n $root || $printing = yes || -d /run/systemd/system ]] ||
    say "no systemd here: give dockerd HTTP_PROXY and HTTPS_PROXY=http://${facts.proxy} yourself"
  tell_of_daemon_json
  heed_older
  restart restart "$unit"
}

tell_of_daemon_json() {
  if grep -qs '"proxies"' "$root/etc/docker/daemon.json"; then
    say 'mind: "proxies" in /etc/docker/daemon.json wins over this; write http://${facts.proxy} there, or take it out'
  fi
}

undo() {
  local is_set_up=no
  [[ ! -e $root$drop_in ]] || is_set_up=yes
  distrust_ca
  drop "$drop_in" folder
  forget_kept
  if [[ $is_set_up = yes ]]; then leave_older; fi
  restart restart "$unit"
}`,
};

/** Go's spelling in NO_PROXY: a name or an address, without port and brackets. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
