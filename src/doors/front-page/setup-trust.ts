/** `/setup/trust`: the CA for the system, for the engines that run, and for Java, once somebody has looked at its fingerprint. */
import { olderCas } from "./older-proxy.ts";
import type { SetupScript } from "./setup-script.ts";
import { trustCa } from "./trust-ca.ts";
import { trustJava } from "./trust-java.ts";

export const setupTrust: SetupScript = {
  name: "trust",
  aliases: ["ca"],
  summary: "Makes this system, its container engines and Java trust the CA of this proxy.",
  options: [
    "--yes         do not ask whether the fingerprint is right",
    "--fingerprint=AB:CD:…  do not ask, and stop if it is another one",
  ],
  body: (facts) => `${trustCa(facts, "trust")}
proxy=${facts.proxy}
fingerprint=${facts.fingerprint}
unit=docker.service
drop_in=/etc/systemd/system/docker.service.d/proxy-entrepot.conf
is_agreed=no
${trustJava(facts.next !== undefined)}${olderCas}
option() {
  local wanted
  case $1 in
    --yes) ;;
    --fingerprint=*)
      wanted=$(tr -d ':[:space:]' <<<"\${1#*=}" | tr '[:lower:]' '[:upper:]')
      [[ $wanted = "$(tr -d ':' <<<"$fingerprint")" ]] ||
        die "nothing was changed: the fingerprint of this proxy's CA is $fingerprint"
      ;;
    *) return 1 ;;
  esac
  is_agreed=yes
}

# ask: once, before the system trusts what it did not
ask() {
  local answer folder
  folder=$(anchors)
  if cmp -s "$root$folder/entrepot.crt" <(ca); then return; fi
  say "the CA of the proxy at $proxy has the SHA-256 fingerprint"
  printf '  %s\\n' "$fingerprint"
  say "'entrepot ca fingerprint' prints it on the server: compare them"
  if [[ $is_agreed = yes ]] || ! is_here; then return; fi
  (: <>/dev/tty) 2>/dev/null ||
    die "nothing was changed: there is no terminal to ask at; --yes or --fingerprint=… answers beforehand"
  printf 'Trust it? dockerd and containerd are restarted if they run. [y/N] ' >/dev/tty
  read -r answer </dev/tty || answer=n
  [[ $answer = [yY] || $answer = [yY][eE][sS] ]] || die "nothing was changed"
}

engines=(docker.service containerd.service crio.service)

apply() {
  ask
  trust_ca
  trust_java
  restart restart "\${engines[@]}"
  tell_of_older_cas
}

undo() {
  distrust_java
  distrust_ca
  forget_kept
  restart restart "\${engines[@]}"
  tell_of_older_cas
}`,
};
