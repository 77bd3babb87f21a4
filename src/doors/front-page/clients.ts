/** The clients that the page has a way for, in the order in which people are likely to have them. */
import { html } from "../server/html.ts";
import { bareHost, type Client, file, isProxy, lines, type Offer, runScript } from "./client.ts";
import { macos, rootlessDocker, windows } from "./clients-without-script.ts";

const docker: Client = {
  id: "docker",
  name: "Docker",
  steps: (offer) => {
    const { facts } = offer;
    const byHand = html`<p>By hand: give dockerd <code>HTTPS_PROXY=http://${facts.proxy}</code> and let the system
trust the <a href="#ca">CA certificate</a>.</p>`;
    const hub = runScript(offer, "docker-mirror");
    return [
      ...(isProxy(offer)
        ? [html`<h3>Every registry</h3>`, ...runScript(offer, "docker"), byHand]
        : []),
      ...(hub.length === 0 ? [] : [html`<h3>Docker Hub alone</h3>`, ...hub]),
    ];
  },
};

const podman: Client = {
  id: "podman",
  name: "Podman",
  steps: (offer) =>
    runScript(
      offer,
      "podman",
      html`<p>On macOS and Windows the same is done inside of the machine that Podman has there:</p>
${lines(["podman machine ssh"])}`,
    ),
};

const containerd: Client = {
  id: "containerd",
  name: "containerd",
  steps: (offer) => runScript(offer, "containerd"),
};

const k3s: Client = { id: "k3s", name: "k3s, RKE2", steps: (offer) => runScript(offer, "k3s") };

const kind: Client = {
  id: "kind",
  name: "kind",
  steps: (offer) =>
    offer.scripts.every(({ name }) => name !== "kind")
      ? []
      : [
          html`<p>Its nodes are containers with containerd inside, which older versions of kind
have to be told of a folder when the cluster is made:</p>`,
          file(
            "cluster.yaml",
            `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
containerdConfigPatches:
  - |-
    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "/etc/containerd/certs.d"
`,
          ),
          lines(["kind create cluster --config cluster.yaml"]),
          ...runScript(offer, "kind"),
        ],
};

const buildkit: Client = {
  id: "buildkit",
  name: "BuildKit",
  steps: (offer) =>
    runScript(
      offer,
      "buildkit",
      html`<p>A builder that has it:</p>
${lines([
  "docker buildx create --name cached --driver docker-container --buildkitd-config /etc/buildkit/buildkitd.toml",
])}`,
    ),
};

const nothing: Client = {
  id: "nothing",
  name: "Without set-up",
  steps: ({ facts }) => [
    html`<p>Any engine can name an image by this host:</p>`,
    lines([`docker pull ${bareHost(facts.mirror)}/${exampleOf(facts)}:TAG`]),
    html`<p class="small">It has to allow plain HTTP for this address, unless it is loopback or answers over TLS.</p>`,
  ],
};

const mending: Client = {
  id: "check",
  name: "Does it work?",
  steps: (offer) => {
    const { mirror } = offer.facts;
    const check = offer.scripts.some(({ name }) => name === "check")
      ? [
          html`<p><a href="/setup/check">A script</a> that changes nothing says whether Docker, containerd and Podman come
here, whether they trust the CA, whether a second pull is a hit, and how the rest is mended:</p>`,
          lines([`curl -fsS ${mirror}/setup/check -o check-entrepot.sh`, "less check-entrepot.sh"]),
          lines(["sudo bash check-entrepot.sh"]),
        ]
      : [];
    return isProxy(offer)
      ? [...check, html`<h3>The CA alone</h3>`, ...runScript(offer, "trust")]
      : check;
  },
};

/** Those for which there is something under this name. */
export function clientsOf(offer: Offer): readonly Client[] {
  return [
    ...[docker, rootlessDocker, macos, windows, podman],
    ...[containerd, k3s, kind, buildkit, nothing, mending],
  ].filter(({ steps }) => steps(offer).length > 0);
}

/** A name that stands for one registry takes no other's in front of the image. */
function exampleOf({ registries, isOneRegistry = false }: Offer["facts"]): string {
  if (!isOneRegistry) return "ghcr.io/OWNER/IMAGE";
  return registries[0]?.name === "docker.io" ? "library/IMAGE" : "OWNER/IMAGE";
}
