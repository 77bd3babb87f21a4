/** bash: the files in which each Java has whom it trusts. */

export const javaStores = `
# java_stores: "KEYTOOL STORE" a line, for each Java that is here; several may lead to the system's
java_stores() {
  local home store
  for home in "\${JAVA_HOME-}" /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /usr/local/openjdk*; do
    [[ -n $home && ! -L $home ]] || continue
    for store in "$home/lib/security/cacerts" "$home/jre/lib/security/cacerts"; do
      if [[ -f $store && -x $home/bin/keytool ]]; then printf '%s %s\\n' "$home/bin/keytool" "$store"; fi
    done
  done | sort -u
}

# keystore KEYTOOL STORE WORD...: keytool, with the password that all such files have
keystore() {
  local tool=$1 store=$2
  shift 2
  "$tool" "$@" -keystore "$store" -storepass changeit 2>/dev/null </dev/null
}

# whom_trusts KEYTOOL STORE: their certificates, without any white space
whom_trusts() { keystore "$1" "$2" -list -rfc | tr -d '[:space:]'; }
`;
