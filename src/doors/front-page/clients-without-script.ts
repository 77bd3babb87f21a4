/** Docker where no script of ours runs: on macOS and Windows, and without root. */
import { type Html, html } from "../server/html.ts";
import {
  bareHost,
  type Client,
  file,
  isHubMirror,
  isProxy,
  lines,
  type Offer,
  text,
} from "./client.ts";

export const dockerDesktop: Client = {
  id: "docker-desktop",
  name: "Docker Desktop",
  steps: (offer) => {
    const { mirror, proxy } = offer.facts;
    const every = [
      html`<h3>Every registry</h3>
<p>First the system has to trust the CA. On macOS:</p>`,
      lines([
        `curl -fsS ${mirror}/ca.crt -o entrepot.crt`,
        "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain entrepot.crt",
      ]),
      html`<p>On Windows, in a PowerShell of an administrator:</p>`,
      lines([
        `curl.exe -fsS ${mirror}/ca.crt -o entrepot.crt`,
        "certutil -addstore -f Root entrepot.crt",
      ]),
      html`<p>Then, in Docker Desktop: Settings, Resources, Proxies, Manual configuration. Both the web server and the
secure web server are</p>`,
      lines([`http://${proxy}`]),
      html`<p>“Apply &#38; restart” takes up both.</p>`,
    ];
    return [...(isProxy(offer) ? every : []), ...hubAlone(offer)];
  },
};

function hubAlone(offer: Offer): readonly Html[] {
  if (!isHubMirror(offer)) return [];
  const { mirror } = offer.facts;
  const isPlain = mirror.startsWith("http:");
  // BuildKit asks mirrors over TLS, and Docker Hub itself when that fails.
  const insecure = isPlain ? `,\n  "insecure-registries": ["${bareHost(mirror)}"]` : "";
  return [
    html`<h3>Docker Hub alone</h3>
<p>Without a CA: Settings, Docker Engine; what is there already stays beside it.</p>`,
    text(`{\n  "registry-mirrors": ["${mirror}"]${insecure}\n}\n`),
  ];
}

export const rootlessDocker: Client = {
  id: "rootless",
  name: "Rootless Docker",
  steps: (offer) => {
    if (!isProxy(offer)) return [];
    const { mirror, proxy } = offer.facts;
    return [
      html`<p>As the user whose dockerd it is; root is not needed. It trusts the CA besides those of the system.
From in there 127.0.0.1 is not this machine: use another address of it.</p>`,
      lines([
        "mkdir -p ~/.config/entrepot ~/.config/systemd/user/docker.service.d",
        `curl -fsS ${mirror}/ca.crt -o ~/.config/entrepot/ca.crt`,
      ]),
      file(
        "~/.config/systemd/user/docker.service.d/proxy-entrepot.conf",
        `[Service]
Environment="HTTP_PROXY=http://${proxy}"
Environment="HTTPS_PROXY=http://${proxy}"
Environment="NO_PROXY=localhost,127.0.0.0/8,::1"
Environment="SSL_CERT_DIR=%h/.config/entrepot"
`,
      ),
      lines(["systemctl --user daemon-reload", "systemctl --user restart docker"]),
    ];
  },
};

export const windowsServer: Client = {
  id: "windows-server",
  name: "Windows Server",
  steps: (offer) => {
    if (!isProxy(offer)) return [];
    const { mirror, proxy } = offer.facts;
    const variable = (name: string, value: string): string =>
      `[Environment]::SetEnvironmentVariable("${name}", "${value}", "Machine")`;
    return [
      html`<p>Docker Engine for Windows containers, in a PowerShell of an administrator:</p>`,
      lines([
        `curl.exe -fsS ${mirror}/ca.crt -o entrepot.crt`,
        "certutil -addstore -f Root entrepot.crt",
        variable("HTTP_PROXY", `http://${proxy}`),
        variable("HTTPS_PROXY", `http://${proxy}`),
        "Restart-Service docker",
      ]),
    ];
  },
};
