/** The part of a set-up script that puts the CA into the system's trust store, or takes it out. */
import { keptFiles } from "./kept-files.ts";
import type { SetupFacts } from "./setup-script.ts";

/** bash: defines `ca`, `trust_ca` and `distrust_ca`, for the script of that name. */
export function trustCa(facts: SetupFacts, name: string): string {
  const nextToo =
    facts.next === undefined
      ? 'drop "$folder/entrepot-next.crt"'
      : 'put "$folder/entrepot-next.crt" < <(next_ca)';
  return `${keptFiles(name)}
ca() {
  cat <<'END'
${facts.root.trim()}
END
}
${facts.next === undefined ? "" : nextCa(facts.next.root)}${trustStore}
# Each script that needs the CA leaves its name here: whoever goes last takes it away.
ca_users=/var/lib/entrepot-ca.users

trust_ca() {
  local folder
  folder=$(anchors)
  keep_java
  put "$folder/entrepot.crt" < <(ca)
  ${nextToo}
  update_trust
  kept_java
  if [[ $printing = no ]]; then
    mkdir -p "$root$ca_users"
    : >"$root$ca_users/${name}"
  fi
}

distrust_ca() {
  local folder user
  # Where there is no trust store, nothing was ever put into it.
  folder=$(anchors 2>/dev/null) || return 0
  for user in "$root$ca_users"/*; do
    if [[ -e $user && \${user##*/} != ${name} ]]; then
      say "the CA stays trusted: /setup/\${user##*/} has put it there too"
      if [[ $printing = no ]]; then rm -f "$root$ca_users/${name}"; fi
      return
    fi
  done
  drop "$folder/entrepot.crt"
  drop "$folder/entrepot-next.crt"
  bring_java_back
  if [[ $printing = no ]]; then rm -rf "$root$ca_users"; fi
}
`;
}

const trustStore = `
# Debian and Alpine, Fedora and RHEL, Arch, openSUSE
anchors() {
  local folder
  for folder in /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors \\
    /etc/ca-certificates/trust-source/anchors /etc/pki/trust/anchors; do
    if [[ -d $root$folder ]]; then
      printf %s "$folder"
      return
    fi
  done
  die "no system trust store found; install the package ca-certificates"
}

update_trust() {
  [[ $changed = yes ]] && is_here || return 0
  if command -v update-ca-certificates >/dev/null; then
    update-ca-certificates --fresh >/dev/null 2>&1 || update-ca-certificates >/dev/null
  else
    update-ca-trust extract
  fi || die "the system's trust store could not be updated; run this again once it can"
  say "updated the system's trust store"
}

# What the system makes of its trust store for Java has the time of each change in it.
java_store=/etc/ssl/certs/java/cacerts
keep_java() { if [[ -e $java_store ]] && is_here; then keep "$java_store"; fi; }
kept_java() { if is_here; then kept "$java_store"; fi; }
bring_java_back() {
  local is_ours=no
  if is_here && is_as_left "$java_store"; then is_ours=yes; fi
  update_trust
  if [[ $is_ours = yes ]]; then restore "$java_store"; fi
}
`;

/** Trusted beside the first, so that nobody notices when it takes its place; a file of trust stores has one each. */
function nextCa(root: string): string {
  return `
next_ca() {
  cat <<'END'
${root.trim()}
END
}
`;
}
