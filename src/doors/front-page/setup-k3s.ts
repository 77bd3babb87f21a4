/** `/setup/k3s`: registries.yaml of k3s and RKE2, which becomes containerd's hosts.toml. */
import type { SetupScript } from "./setup-script.ts";

export const setupK3s: SetupScript = {
  name: "k3s",
  summary: "Makes k3s and RKE2 nodes pull through this mirror.",
  body: ({ mirror, registries, isOneRegistry = false }) => `
files() {
  local folder found=no
  for folder in /etc/rancher/k3s /etc/rancher/rke2; do
    if [[ -d $root$folder ]]; then
      printf '%s\\n' "$folder/registries.yaml"
      found=yes
    fi
  done
  [[ $found = yes ]] || printf '%s\\n' /etc/rancher/k3s/registries.yaml
}

content() {
  cat <<'END'
# Written by entrepot: /setup/k3s --undo removes it
mirrors:
${registries.map(({ name, scheme }) => entry(name, scheme === "http" ? [mirror, `http://${name}`] : [mirror])).join("\n")}
${isOneRegistry ? "" : `${entry("*", [mirror])}\n`}END
}

services=(k3s k3s-agent rke2-server rke2-agent)

apply() {
  local file
  while read -r file; do put_ours "$file" < <(content); done < <(files)
  restart restart "\${services[@]}"
}

undo() {
  local file
  while read -r file; do drop_ours "$file"; done < <(files)
  restart restart "\${services[@]}"
}`,
};

/** For https k3s tries the registry itself after these, unasked. */
function entry(name: string, endpoints: readonly string[]): string {
  const lines = endpoints.map((endpoint) => `      - "${endpoint}"`);
  return [`  "${name}":`, "    endpoint:", ...lines].join("\n");
}
