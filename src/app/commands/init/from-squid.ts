/** Squid as an accelerator before one registry. */
import type { Draft } from "./draft.ts";
import type { OldSetup } from "./old-setup.ts";

export function isSquid({ squid }: OldSetup): boolean {
  return squid !== undefined;
}

export function fromSquid({ squid = [] }: OldSetup, draft: Draft): void {
  for (const [directive = "", ...words] of squid) {
    if (directive === "https_port") takeListener(words, draft);
    else if (directive === "http_port") draft.set("port", portOf(words[0]));
    else if (directive === "cache_peer") takePeer(words, draft);
    else if (directive === "cache_dir") takeFolder(words, draft);
    else if (directive === "maximum_object_size") continue;
    else draft.note(`${directive}: no meaning here`);
  }
  draft.set("allow_push", true, "what goes to the registry goes on going there");
}

function portOf(word = ""): number {
  return Number(/(?<!\d)(\d{1,5})$/.exec(word)?.[1] ?? 443);
}

function field(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

function takeListener(words: readonly string[], draft: Draft): void {
  draft.set("tls_port", portOf(words[0]));
  const cert = field(words, "cert") ?? field(words, "tls-cert");
  const key = field(words, "key") ?? field(words, "tls-key");
  takePlace(draft, ["tls_cert", "certificate"], cert);
  takePlace(draft, ["tls_key", "key"], key);
}

/** It is the container's path. */
function takePlace(
  draft: Draft,
  [key, what]: readonly [key: string, what: string],
  usual: string | undefined,
): void {
  if (usual === undefined) return;
  draft.set(key, usual);
  draft.places.push({ key, usual, question: `Where on this machine is Squid's ${what}?` });
}

/** `cache_peer HOST parent PORT 0 … login=PASSTHRU ssl sslflags=DONT_VERIFY_PEER` */
function takePeer(words: readonly string[], draft: Draft): void {
  const [host = "", , port = "443"] = words;
  const speaksTls = words.some((word) => word === "ssl" || word === "tls" || /^ssl/.test(word));
  const name = port === (speaksTls ? "443" : "80") ? host : `${host}:${port}`;
  draft.set("mirror_default", speaksTls ? name : `http://${name}`);
  if (field(words, "login") === "PASSTHRU") draft.set("mirror_login", name);
  if ((field(words, "sslflags") ?? "").includes("DONT_VERIFY_PEER")) {
    draft.questions.push({
      about: "sslflags=DONT_VERIFY_PEER",
      question: `May the certificate of ${name} go unchecked?`,
      settings: { verify_ssl: [`${name}=false`] },
      otherwise: `the certificate of ${name} is checked`,
    });
  }
}

/** `cache_dir ufs FOLDER MEGABYTES …` */
function takeFolder([, , megabytes = ""]: readonly string[], draft: Draft): void {
  if (/^\d+$/.test(megabytes)) draft.set("cache_max_size", `${megabytes}m`);
}
