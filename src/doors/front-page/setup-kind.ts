/** `/setup/kind`: the set-up of containerd in each node of the clusters that kind has made here. */
import { setupContainerd } from "./setup-containerd.ts";
import { printScript, type SetupScript } from "./setup-script.ts";

export const setupKind: SetupScript = {
  name: "kind",
  summary: "Makes the nodes of kind's clusters pull through this mirror.",
  isForAnyUser: true,
  options: ["--cluster=NAME  of this cluster alone; all that are here otherwise"],
  body: (facts) => `
cluster=''
engine=\${KIND_EXPERIMENTAL_PROVIDER:-docker}

option() {
  [[ $1 = --cluster=?* ]] || return 1
  cluster=\${1#*=}
}

in_node() {
  cat <<'END OF NODE'
${printScript(setupContainerd, facts)}END OF NODE
}

clusters() {
  if [[ -n $cluster ]]; then printf '%s\\n' "$cluster"; else kind get clusters 2>/dev/null; fi
}

each_node() {
  local name node nodes=''
  [[ -z $root ]] || die "nodes have no folder here"
  command -v kind >/dev/null || die "kind is not here"
  [[ $address != 127.* && $address != localhost:* && $address != '[::1]'* ]] ||
    die "from inside of a node $address is the node itself: fetch this script by another address of the proxy"
  for name in $(clusters); do nodes+=" $(kind get nodes --name "$name" 2>/dev/null)"; done
  for node in $nodes; do
    say "node $node"
    "$engine" exec -i "$node" bash -s -- "$@" < <(in_node)
    changed=yes
  done
}

apply() {
  if [[ $printing = yes ]]; then each_node --print; else each_node; fi
}

undo() {
  if [[ $printing = yes ]]; then each_node --undo --print; else each_node --undo; fi
}`,
};
