/** bash: the part of `/setup/check` that asks each Java whether it trusts the CA. */
import { javaStores } from "./java-stores.ts";

export const checkJava = `${javaStores}
check_java() {
  local tool store ours theirs seen=' '
  ours=$(ca | tr -d '[:space:]')
  while read -r tool store; do
    store=$(readlink -f "$store")
    if [[ $seen = *" $store "* ]]; then continue; fi
    seen+="$store "
    if ! theirs=$(whom_trusts "$tool" "$store"); then
      mind "whom Java trusts by $store cannot be seen" "sudo $tool -list -keystore $store"
    elif [[ $theirs = *"$ours"* ]]; then
      well "Java trusts that CA by $store"
    else
      mind "Java does not trust that CA by $store: what pulls by itself, as Jib does, fails through the proxy" "$(set_up trust)"
    fi
  done < <(java_stores)
}
`;
