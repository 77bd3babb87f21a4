/** bash: Java trusts what is in a file of its own, unless that is the system's. */

/** Defines `trust_java` and `distrust_java`. Needs what trusts the CA in the system first, and what keeps files. */
export function trustJava(hasNext: boolean): string {
  const next = hasNext ? '\n    trust_in "$tool" "$store" entrepot-next' : "";
  return `
# own_stores: "KEYTOOL STORE" a line, for each Java with a file of its own
own_stores() {
  local home store
  is_here || return 0
  for home in "\${JAVA_HOME-}" /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /usr/local/openjdk*; do
    [[ -n $home && ! -L $home ]] || continue
    for store in "$home/lib/security/cacerts" "$home/jre/lib/security/cacerts"; do
      if [[ -f $store && -x $home/bin/keytool && $(readlink -f "$store") != /etc/* ]]; then
        printf '%s %s\\n' "$home/bin/keytool" "$store"
      fi
    done
  done | sort -u
}

# keystore KEYTOOL STORE WORD...: keytool, with the password that all such files have
keystore() {
  local tool=$1 store=$2
  shift 2
  "$tool" "$@" -keystore "$store" -storepass changeit 2>/dev/null </dev/null
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

trust_java() {
  local tool store
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
