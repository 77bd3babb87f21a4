/** What a new operator is asked, in the order in which it matters; Enter takes what is usual. */
import { parseCredentialHost } from "../../../upstream/auth/auth-registries.ts";
import type { Kind } from "../../settings/kind.ts";
import { listOf } from "../../settings/kind.ts";
import { addressRange, hostName, hostPattern, webAddress } from "../../settings/network-kinds.ts";
import { size } from "../../settings/units.ts";
import type { Asker } from "./asker.ts";
import { Draft } from "./draft.ts";
import { words } from "./from-docker-registry-proxy.ts";

const privateNetworks =
  "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fc00::/7 fe80::/10";

export async function interview(asker: Asker): Promise<Draft> {
  const draft = new Draft();
  const folder = await asker.text("Where may images be kept?", "./data");
  draft.set("data_dir", folder);
  const most = await asker.text("How much disk may they take?", "32 GiB", sentenceOf(size));
  draft.set("cache_max_size", most);
  const own = await asker.text(
    "Registries of your own, besides the well-known ones? (with blanks between)",
    "",
    sentenceOf(listOf(hostPattern)),
  );
  if (own !== "") draft.set("registries", words(own));
  await askLogins(asker, draft);
  const who = await asker.text(
    "Which clients may come in?",
    privateNetworks,
    sentenceOf(listOf(addressRange)),
  );
  if (who !== privateNetworks) draft.set("allow_clients", words(who));
  await askMirror(asker, draft);
  return draft;
}

async function askLogins(asker: Asker, draft: Draft): Promise<void> {
  while (
    await asker.confirm(
      draft.logins.length === 0
        ? "Has a registry a login that all clients may share?"
        : "Another one?",
      false,
    )
  ) {
    const host = await asker.text("At which registry?", "docker.io", (text) =>
      parseCredentialHost(text) === undefined ? "Write a host such as ghcr.io" : undefined,
    );
    const user = await asker.text("User?", "");
    const password = await asker.secret(`Password or token of ${user}?`);
    if (user !== "" && password !== "") draft.login({ host, user, password });
  }
}

/** Names for clients that use no proxy, with certificates. */
async function askMirror(asker: Asker, draft: Draft): Promise<void> {
  const kind = await asker.choose("How do clients reach it?", [
    { value: "proxy", label: "as their HTTPS proxy: image names stay as they are" },
    { value: "mirror", label: "also by names of its own, such as hub.example.com, over TLS" },
  ]);
  if (kind === "proxy") return;
  const check = sentenceOf(hostName);
  const name = await asker.text("Which name stands for Docker Hub?", "hub.example.com", check);
  draft.put("mirror_hosts", name, "docker.io");
  draft.set("tls_port", 443);
  const from = await asker.choose("Where do its certificates come from?", [
    { value: "files", label: "files: a certificate and its key" },
    { value: "acme", label: "Let's Encrypt" },
    { value: "directory", label: "another ACME service, such as step-ca" },
  ]);
  if (from === "files") {
    draft.set("tls_cert", await asker.text("The certificate?", "/etc/entrepot/cert.pem"));
    draft.set("tls_key", await asker.text("Its key?", "/etc/entrepot/key.pem"));
    return;
  }
  draft.set("acme_domains", [name]);
  if (from === "acme") return;
  const usual = "https://ca.example.com/acme/acme/directory";
  draft.set("acme_directory", await asker.text("Its directory?", usual, sentenceOf(webAddress)));
  draft.set("acme_ca", await asker.text("Its root certificate?", "/etc/entrepot/root.pem"));
}

/** What to write instead, undefined where the text is good. */
function sentenceOf(kind: Kind<unknown>): (text: string) => string | undefined {
  return (text) => {
    if (text === "") return undefined;
    try {
      kind.parse(text);
      return undefined;
    } catch {
      return `Write ${kind.hint}`;
    }
  };
}
