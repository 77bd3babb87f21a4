/** `/setup/buildkit`: mirrors in buildkitd.toml; buildkit names the registry by `?ns=`. */
import type { SetupScript } from "./setup-script.ts";

export const setupBuildkit: SetupScript = {
  name: "buildkit",
  summary: "Makes buildkitd (docker buildx with a container driver) pull through this mirror.",
  body: ({ mirror, registries }) => {
    const location = mirror.replace(/^https?:\/\//, "");
    const plain = mirror.startsWith("http:") ? `[registry."${location}"]\n  http = true\n` : "";
    const entries = registries.map(({ name, scheme }) => {
      const isPlain = scheme === "http" ? "  http = true\n" : "";
      return `[registry."${name}"]\n  mirrors = ["${location}"]\n${isPlain}`;
    });
    return `
file=/etc/buildkit/buildkitd.toml

apply() {
  put_ours "$file" <<'END'
# Written by entrepot: /setup/buildkit --undo removes it
# docker buildx create --driver docker-container --buildkitd-config /etc/buildkit/buildkitd.toml
${plain}${entries.join("")}END
  restart restart buildkit
}

undo() {
  drop_ours "$file"
  restart restart buildkit
}`;
  },
};
