/** Where bash does not do it all: macOS, Windows, and Docker without root. */
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

export const macos: Client = {
  id: "macos",
  name: "macOS",
  steps: (offer) => {
    const { mirror, fingerprint } = offer.facts;
    const every = [
      html`<h3>Every registry</h3>
<p>First the system has to trust the CA. Compare <a href="#ca">its fingerprint</a> before the second line:</p>`,
      lines([
        `curl -fsS ${mirror}/ca.crt -o entrepot.crt`,
        "openssl x509 -noout -fingerprint -sha256 -in entrepot.crt",
      ]),
      lines([
        "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain entrepot.crt",
      ]),
      ...desktopProxy(offer),
      html`<p>Undone by the same settings and</p>`,
      lines([
        "sudo security remove-trusted-cert -d entrepot.crt",
        `sudo security delete-certificate -Z ${fingerprint.replaceAll(":", "")} /Library/Keychains/System.keychain`,
      ]),
    ];
    return [...(isProxy(offer) ? every : []), ...hubAlone(offer)];
  },
};

export const windows: Client = {
  id: "windows",
  name: "Windows",
  steps: (offer) => {
    const { mirror } = offer.facts;
    const run = "powershell -ExecutionPolicy Bypass -File setup-entrepot.ps1";
    const every = [
      html`<h3>Every registry</h3>
<p>In a PowerShell of an administrator. <a href="/setup/windows.ps1">The script</a> asks whether the CA's fingerprint is right, and
gives Docker's service the proxy where there is one:</p>`,
      lines([
        `curl.exe -fsS ${mirror}/setup/windows.ps1 -o setup-entrepot.ps1`,
        "notepad setup-entrepot.ps1",
      ]),
      lines([run]),
      ...desktopProxy(offer),
      html`<p>Undone by the same settings and</p>`,
      lines([`${run} -Undo`]),
    ];
    return [...(isProxy(offer) ? every : []), ...hubAlone(offer)];
  },
};

function desktopProxy({ facts }: Offer): readonly Html[] {
  return [
    html`<p>Then, in Docker Desktop: Settings, Resources, Proxies, Manual configuration. Both the web server and the
secure web server are</p>`,
    lines([`http://${facts.proxy}`]),
    html`<p>“Apply &#38; restart” takes up both.</p>`,
  ];
}

function hubAlone(offer: Offer): readonly Html[] {
  if (!isHubMirror(offer)) return [];
  const { mirror } = offer.facts;
  const isPlain = mirror.startsWith("http:");
  // BuildKit asks mirrors over TLS, and Docker Hub itself when that fails.
  const insecure = isPlain ? `,\n  "insecure-registries": ["${bareHost(mirror)}"]` : "";
  return [
    html`<h3>Docker Hub alone</h3>
<p>Without a CA, in Docker Desktop: Settings, Docker Engine; what is there already stays beside it.</p>`,
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
