/** `/setup/containerd`: a hosts.toml per registry and one for all others; containerd names the registry by `?ns=`. */
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { type Registry, registryAddress } from "../../protocol/registry-name.ts";
import type { SetupScript } from "./setup-script.ts";

export const setupContainerd: SetupScript = {
  name: "containerd",
  summary: "Makes containerd, nerdctl and Kubernetes nodes pull through this mirror.",
  body: ({ mirror, registries, isOneRegistry = false }) => `
folder=/etc/containerd/certs.d

hosts() {
  echo '# Written by entrepot: /setup/containerd --undo removes it'
  [[ -z $1 ]] || printf 'server = "%s"\\n' "$1"
  cat <<'END'
[host."${mirror}"]
  capabilities = ["pull", "resolve"]
END
}

registries() {
  cat <<'END'
${registries.map((one) => `${one.name} ${serverOf(one)}`).join("\n")}
END
}

apply() {
  local name server
  while read -r name server; do
    put_ours "$folder/$name/hosts.toml" < <(hosts "$server")
  done < <(registries)
${isOneRegistry ? "" : '  put_ours "$folder/_default/hosts.toml" < <(hosts "")\n'}  if ! grep -qs '^[^#]*/etc/containerd/certs\\.d' "$root/etc/containerd/config.toml"; then
    say "containerd must be told of that folder, in /etc/containerd/config.toml:"
    say "  version 2: [plugins.'io.containerd.grpc.v1.cri'.registry]     config_path = '$folder'"
    say "  version 3: [plugins.'io.containerd.cri.v1.images'.registry]   config_path = '$folder'"
    say "(nerdctl looks there by itself; ctr with --hosts-dir $folder)"
  fi
}

undo() {
  local name server
  while read -r name server; do
    drop_ours "$folder/$name/hosts.toml" folder
  done < <(registries)
${isOneRegistry ? "" : '  drop_ours "$folder/_default/hosts.toml" folder\n'}}`,
};

function serverOf({ name, scheme }: Registry): string {
  return `${scheme}://${formatHostPort(registryAddress(name), 443)}`;
}
