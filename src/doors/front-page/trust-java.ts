/** bash: Java trusts what is in a file of its own, unless that is the system's. */
import { javaStores } from "./java-stores.ts";

/** Defines `trust_java` and `distrust_java`. Needs what trusts the CA in the system first, and what keeps files. */
export function trustJava(hasNext: boolean): string {
  const next = hasNext ? '\n    trust_in "$tool" "$store" entrepot-next' : "";
  return `${javaStores}
# own_stores: of those, each with a file of its own
own_stores() {
  local tool store
  is_here || return 0
  while read -r tool store; do
    if [[ $(readlink -f "$store") != /etc/* ]]; then printf '%s %s\\n' "$tool" "$store"; fi
  done < <(java_stores)
}

# trust_in KEYTOOL STORE ALIAS: the system's certificate of that name; keytool reads files alone
trust_in() {
  local tool=$1 store=$2 alias=$3 file there
  file=$(anchors)/$alias.crt
  there=$(keystore "$tool" "$store" -exportcert -rfc -alias "$alias") || there=''
  if [[ $(tr -d '[:space:]' <<<"$there") = *"$(tr -d '[:space:]' <"$file")"* ]]; then return; fi
  keep "$store"
  begin
  keystore "$tool" "$store" -delete -alias "$alias" >/dev/null || true
  if keystore "$tool" "$store" -importcert -noprompt -alias "$alias" -file "$file" >/dev/null; then
    kept "$store"
    say "Java trusts it by $store; programs that run have to be restarted"
  else
    left=yes
    warn "$store takes it by hand, with its password:"
    warn "  sudo $tool -importcert -noprompt -alias $alias -file $file -keystore $store"
  fi
}

# trust_in_systems: what the system has made for Java before it can lack what the system trusts
trust_in_systems() {
  local tool store ours is_again=no
  is_here || return 0
  ours=$(ca | tr -d '[:space:]')
  while read -r tool store; do
    if [[ $(readlink -f "$store") != /etc/* || $(whom_trusts "$tool" "$store") = *"$ours"* ]]; then continue; fi
    if [[ $is_again = no ]]; then
      is_again=yes
      keep_java
      begin
      update_trust
      kept_java
    fi
    if [[ $(whom_trusts "$tool" "$store") = *"$ours"* ]]; then continue; fi
    left=yes
    warn "$store does not get it from the system. By hand:"
    warn "  sudo $tool -importcert -noprompt -alias entrepot -file $(anchors)/entrepot.crt -keystore $store"
  done < <(java_stores)
}

trust_java() {
  local tool store
  trust_in_systems
  while read -r tool store; do
    trust_in "$tool" "$store" entrepot${next}
  done < <(own_stores)
}

distrust_java() {
  local tool store alias
  while read -r tool store; do
    if bring_back "$store"; then continue; fi
    for alias in entrepot entrepot-next; do
      if keystore "$tool" "$store" -list -alias "$alias" >/dev/null; then
        begin
        keystore "$tool" "$store" -delete -alias "$alias" >/dev/null
        say "$store trusts $alias no more"
      fi
    done
  done < <(own_stores)
}
`;
}
