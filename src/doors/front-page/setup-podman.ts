/** `/setup/podman`: mirrors by path prefix for podman, buildah, skopeo and CRI-O. */
import type { SetupFacts, SetupScript } from "./setup-script.ts";

export const setupPodman: SetupScript = {
  name: "podman",
  summary: "Makes podman, buildah, skopeo and CRI-O pull through this mirror.",
  body: (facts) => `
file=/etc/containers/registries.conf.d/50-entrepot.conf

apply() {
  put "$file" <<'END'
# Written by entrepot: /setup/podman --undo removes it
${facts.registries.map((name) => entry(name, facts)).join("\n")}
END
  restart restart crio
}

undo() {
  drop "$file"
  restart restart crio
}`,
};

function entry(name: string, { mirror }: SetupFacts): string {
  const location = mirror.replace(/^https?:\/\//, "");
  const insecure = mirror.startsWith("http:") ? "insecure = true\n" : "";
  return `[[registry]]
prefix = "${name}"
location = "${name}"
[[registry.mirror]]
location = "${location}/${name}"
${insecure}`;
}
