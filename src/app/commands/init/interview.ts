/** What a new operator is asked, in the order in which it matters; Enter takes what is usual. */

import { privateNetworks } from "../../settings/access.ts";
import { listOf } from "../../settings/kind.ts";
import { addressRange, hostPattern } from "../../settings/network-kinds.ts";
import { size } from "../../settings/units.ts";
import type { Asker } from "./asker.ts";
import { sentenceOf } from "./checked-text.ts";
import { Draft } from "./draft.ts";
import { words } from "./from-docker-registry-proxy.ts";
import type { LiveCheck } from "./live-check.ts";
import { askMirror } from "./mirror-questions.ts";
import { settle, settleLogin } from "./settle.ts";

/** Those that most machines pull from come first, and are what Enter takes. */
const wellKnown = ["docker.io", "ghcr.io", "quay.io", "registry.k8s.io"];
const others = [
  "gcr.io",
  "mcr.microsoft.com",
  "public.ecr.aws",
  "registry.gitlab.com",
  "lscr.io",
  "nvcr.io",
  "registry.redhat.io",
  "docker.elastic.co",
];

export async function interview(asker: Asker, check: LiveCheck): Promise<Draft> {
  const draft = new Draft();
  draft.set("data_dir", await asker.text("Where may images be kept?", "./data"));
  const most = await asker.text("How much disk may they take?", "32 GiB", sentenceOf(size));
  draft.set("cache_max_size", most);
  const registries = await askRegistries(asker, draft);
  await settle(draft, asker, check);
  await askLogins(registries, draft, { asker, check });
  const who = await asker.text(
    "Which clients may come in?",
    privateNetworks,
    sentenceOf(listOf(addressRange)),
  );
  if (who !== privateNetworks) draft.set("allow_clients", words(who));
  await askMirror(registries, asker, draft);
  return draft;
}

/** Well-known ones need no setting; which they are decides what is asked next. */
async function askRegistries(asker: Asker, draft: Draft): Promise<readonly string[]> {
  const known = [...wellKnown, ...others];
  const chosen = await asker.several("Which registries do you pull from?", known, wellKnown);
  const own = await asker.text(
    "Registries of your own, besides those? (with blanks between)",
    "",
    sentenceOf(listOf(hostPattern)),
  );
  if (own === "") return chosen;
  draft.set("registries", words(own));
  return [...chosen, ...words(own).filter((one) => !one.includes("*"))];
}

async function askLogins(
  registries: readonly string[],
  draft: Draft,
  parts: { readonly asker: Asker; readonly check: LiveCheck },
): Promise<void> {
  const { asker } = parts;
  if (!asker.isPerson || registries.length === 0) return;
  const question = "At which of them is there a login that all clients may share?";
  for (const host of await asker.several(question, registries, [])) {
    const user = await asker.text(`User at ${host}?`, "");
    const password = await asker.secret(`Password or token of ${user}?`);
    if (user === "" || password === "") continue;
    const login = { host, user, password };
    draft.login(login);
    await settleLogin(draft, login, parts);
  }
}
