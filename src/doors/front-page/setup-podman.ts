/** `/setup/podman`: mirrors by path prefix for podman, buildah, skopeo and CRI-O. */
import type { Registry } from "../../protocol/registry-name.ts";
import type { SetupFacts, SetupScript } from "./setup-script.ts";

export const setupPodman: SetupScript = {
  name: "podman",
  aliases: ["buildah", "skopeo"],
  summary: "Makes podman, buildah, skopeo and CRI-O pull through this mirror.",
  // Versions of 2023 and before take an IPv6 address for no reference, and pull nothing at all then.
  body: (facts) => `
file=/etc/containers/registries.conf.d/50-entrepot${suffixOf(facts)}.conf

apply() {
  [[ $address != \\[* ]] || die "fetch this script by a name of the proxy or its IPv4 address: not all versions take $address"
  put "$file" <<'END'
# Written by entrepot: /setup/podman --undo removes it
${facts.registries.map((one) => entry(one, facts)).join("\n")}
END
  restart restart crio
}

undo() {
  drop "$file"
  restart restart crio
}`,
};

/** Each of several names has a file of its own. */
function suffixOf({ registries, isOneRegistry = false }: SetupFacts): string {
  return isOneRegistry ? `-${registries[0]?.name.replace(":", "-")}` : "";
}

function entry({ name, scheme }: Registry, facts: SetupFacts): string {
  const { mirror, isOneRegistry = false } = facts;
  // A colon in a mirror's path is an invalid reference, and not a single image of the registry would be pulled.
  if (!isOneRegistry && name.includes(":"))
    return `# ${name} is pulled directly: no mirror's path can have a port\n`;
  const location = mirror.replace(/^https?:\/\//, "");
  return `[[registry]]
prefix = "${name}"
location = "${name}"
${insecure(scheme === "http")}[[registry.mirror]]
location = "${isOneRegistry ? location : `${location}/${name}`}"
${insecure(mirror.startsWith("http:"))}`;
}

function insecure(isPlain: boolean): string {
  return isPlain ? "insecure = true\n" : "";
}
