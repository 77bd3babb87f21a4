/** The part of a set-up script that puts the CA into the system's trust store, or takes it out. */
import type { SetupFacts } from "./setup-script.ts";

/** bash: defines `trust_ca` and `distrust_ca`. */
export function trustCa(facts: SetupFacts): string {
  return `
ca() {
  cat <<'END'
${facts.root.trim()}
END
}
${facts.next === undefined ? "" : nextCa(facts.next.root)}
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

trust_ca() {
  local folder
  folder=$(anchors)
  put "$folder/entrepot.crt" < <(ca)
  ${facts.next === undefined ? 'drop "$folder/entrepot-next.crt"' : 'put "$folder/entrepot-next.crt" < <(next_ca)'}
  update_trust
}

distrust_ca() {
  local folder
  # Where there is no trust store, nothing was ever put into it.
  folder=$(anchors 2>/dev/null) || return 0
  drop "$folder/entrepot.crt"
  drop "$folder/entrepot-next.crt"
  update_trust
}
`;
}

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
