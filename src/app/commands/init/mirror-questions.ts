/** Asks for the names that clients use without a proxy, one for each registry, and for their certificates. */
import { acmeDirectory, hostName } from "../../settings/network-kinds.ts";
import type { Asker } from "./asker.ts";
import { sentenceOf } from "./checked-text.ts";
import type { Draft } from "./draft.ts";

export async function askMirror(
  registries: readonly string[],
  asker: Asker,
  draft: Draft,
): Promise<void> {
  const kind = await asker.choose("How do clients reach it?", [
    { value: "proxy", label: "as their HTTPS proxy: image names stay as they are" },
    { value: "mirror", label: "also by names of its own, such as hub.example.com, over TLS" },
  ]);
  if (kind === "proxy") return;
  const names = await askNames(registries, asker, draft);
  if (names.length === 0) return;
  draft.set("tls_port", 443);
  await askCertificates(names, asker, draft);
  if (await asker.confirm("Have clients to show a certificate of their own?", false)) {
    const usual = "/etc/entrepot/client-ca.pem";
    draft.set("tls_client_ca", await asker.text("Which file has its CA?", usual));
  }
}

async function askNames(
  registries: readonly string[],
  asker: Asker,
  draft: Draft,
): Promise<readonly string[]> {
  let domain = "example.com";
  const names: string[] = [];
  for (const registry of registries) {
    const usual = `${labelOf(registry)}.${domain}`;
    const question = `Which name stands for ${registry}? (- for none)`;
    const name = await asker.text(question, usual, (text) =>
      text === "-" ? undefined : sentenceOf(hostName)(text),
    );
    if (name === "-") continue;
    // The next ones are most likely its neighbours.
    domain = name.replace(/^[^.]+\./, "") || domain;
    draft.put("mirror_hosts", name, registry);
    names.push(name);
  }
  return names;
}

/** `hub`, `ghcr`, `quay`, `k8s`: what people call them. */
function labelOf(registry: string): string {
  if (registry === "docker.io") return "hub";
  const labels = registry.replace(/:\d+$/, "").split(".");
  const [first = "mirror", second = first] = labels;
  return ["registry", "docker", "public"].includes(first) ? second : first;
}

async function askCertificates(
  names: readonly string[],
  asker: Asker,
  draft: Draft,
): Promise<void> {
  const from = await asker.choose("Where do its certificates come from?", [
    { value: "files", label: "files: a certificate and its key" },
    { value: "acme", label: "Let's Encrypt" },
    { value: "directory", label: "another ACME service, such as step-ca" },
    { value: "own", label: "the proxy's own CA, which clients are to trust" },
  ]);
  if (from === "own") return;
  if (from === "files") {
    draft.set("tls_cert", await asker.text("The certificate?", "/etc/entrepot/cert.pem"));
    draft.set("tls_key", await asker.text("Its key?", "/etc/entrepot/key.pem"));
    return;
  }
  draft.set("acme_domains", [...names]);
  if (from === "directory") await askDirectory(asker, draft);
  const email = await asker.text("Whom may the service write to?", "");
  if (email !== "") draft.set("acme_email", email);
  await askChallenge(asker, draft);
}

async function askDirectory(asker: Asker, draft: Draft): Promise<void> {
  const usual = "https://ca.example.com/acme/acme/directory";
  draft.set("acme_directory", await asker.text("Its directory?", usual, sentenceOf(acmeDirectory)));
  draft.set("acme_ca", await asker.text("Its root certificate?", "/etc/entrepot/root.pem"));
}

async function askChallenge(asker: Asker, draft: Draft): Promise<void> {
  const how = await asker.choose("How is it shown that the names are yours?", [
    { value: "http-01", label: "over port 80, which it reaches" },
    { value: "cloudflare", label: "by DNS records at Cloudflare" },
    { value: "command", label: "by DNS records that a command sets" },
  ]);
  if (how === "http-01") return;
  draft.set("acme_challenge", "dns-01");
  if (how === "command") {
    const usual = "/usr/local/bin/dns-hook";
    draft.set("acme_dns_provider", await asker.text("Which command?", usual));
    return;
  }
  draft.set("acme_dns_provider", "cloudflare");
  const token = await asker.secret("A token that may edit the zone's DNS records?");
  if (token !== "") draft.secrets.set("cloudflare-api-token-file", token);
}
