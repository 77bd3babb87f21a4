/** docker-registry-proxy: most of its variables mean the same here. */

import { homedir } from "node:os";
import { resolve } from "node:path";
import { formatHostPort } from "../../../protocol/http/host-port.ts";
import { parseAuthRegistries } from "../../../upstream/auth/auth-registries.ts";
import { CredentialError } from "../../../upstream/auth/credential-error.ts";
import { type Draft, InitError } from "./draft.ts";
import type { OldSetup } from "./old-setup.ts";
import type { Variables } from "./variables.ts";

/** What is its own; REGISTRIES alone would be anybody's. */
const own =
  /^(?:REGISTRIES|AUTH_REGISTRIES|ENABLE_MANIFEST_CACHE|MANIFEST_CACHE_\w+|CACHE_MAX_SIZE|ALLOW_PUSH|DEBUG_HUB|DEBUG_NGINX)$/;

export function isDockerRegistryProxy({ variables }: OldSetup): boolean {
  return [...variables.keys()].some((name) => own.test(name));
}

export function fromDockerRegistryProxy(setup: OldSetup, its: Variables, draft: Draft): void {
  const registries = words(its.take("REGISTRIES"));
  if (registries.length > 0) draft.set("registries", registries);
  takeLogins(its, draft);
  its.pass("CACHE_MAX_SIZE", (size) => draft.set("cache_max_size", size));
  const pushing = its.take("ALLOW_PUSH");
  const mayPush = pushing === "true";
  draft.set("allow_push", mayPush, "docker-registry-proxy refuses pushes unless ALLOW_PUSH=true");
  if (its.take("DISABLE_IPV6") === "true") draft.set("upstream_family", 4);
  if (its.take("VERIFY_SSL") === "false") askUnverified(registries, draft);
  takeManifestCache(its, draft);
  takeAuthority(setup, its, draft);
  takeDebug(its, draft);
  const limits = "only silence ends a transfer here, never its length";
  its.drop(/^(?:PROXY|CLIENT|SEND|KEEPALIVE|CONFIG)_\w*TIMEOUT$|^SEND_TIMEOUT$/, limits);
  its.drop(/^PROXY_(?:BUFFERING|REQUEST_BUFFERING|HTTP_VERSION)$/, "nothing is buffered here");
}

function takeLogins(its: Variables, draft: Draft): void {
  const entries = its.take("AUTH_REGISTRIES_DELIMITER") || " ";
  const fields = its.take("AUTH_REGISTRY_DELIMITER") || ":";
  const text = its.take("AUTH_REGISTRIES");
  if (text === undefined) return;
  try {
    for (const { address, login } of parseAuthRegistries(text, { entries, fields })) {
      if (login.kind !== "password") continue;
      const { user, password } = login;
      draft.login({ host: formatHostPort(address, 443), user, password });
    }
  } catch (cause) {
    if (!(cause instanceof CredentialError)) throw cause;
    throw new InitError(cause.message, { cause });
  }
}

function askUnverified(registries: readonly string[], draft: Draft): void {
  const otherwise = "certificates of all registries are checked";
  if (registries.length === 0) {
    draft.note(`VERIFY_SSL=false names no registry, so ${otherwise}; verify_ssl takes host=false`);
  }
  for (const host of registries) {
    draft.questions.push({
      about: "VERIFY_SSL=false",
      question: `May the certificate of ${host} go unchecked?`,
      settings: { verify_ssl: [`${host}=false`] },
      otherwise: `the certificate of ${host} is checked`,
    });
  }
}

/** Its two tiers, with its own defaults, and the rest. */
function takeManifestCache(its: Variables, draft: Draft): void {
  const isOn = its.take("ENABLE_MANIFEST_CACHE") === "true";
  const tiers = [
    ["PRIMARY", "(stable|nightly|production|test)", "10m"],
    ["SECONDARY", String.raw`(.*)(\d|\.)+(.*)(\d|\.)+(.*)(\d|\.)+`, "60d"],
  ] as const;
  const rules = tiers.map(([tier, usual, time]) => ({
    tag: tagPattern(its.take(`MANIFEST_CACHE_${tier}_REGEX`) || usual, usual),
    ttl: nginxTime(its.take(`MANIFEST_CACHE_${tier}_TIME`) || time),
  }));
  const rest = nginxTime(its.take("MANIFEST_CACHE_DEFAULT_TIME") || "1h");
  if (!isOn) return;
  const comment = "ENABLE_MANIFEST_CACHE: how long a tag is believed without asking";
  draft.set("policy", { tags: rules }, comment);
  draft.set("tag_ttl", rest);
}

/** Its default for versions is found by what it means: one or more dots among digits. */
function tagPattern(regex: string, usual: string): string {
  const isVersions = regex === usual && usual.startsWith("(.*)");
  return isVersions ? String.raw`/\d+\.\d+\.\d+/` : `/^(?:${regex})/`;
}

/** nginx: `10m` is minutes, `1M` a month. */
export function nginxTime(text: string): string {
  const days: Readonly<Record<string, number>> = { w: 7, M: 30, y: 365 };
  const [, amount, unit = "s"] = /^(\d{1,9}) ?(ms|[smhdwMy])?$/.exec(text.trim()) ?? [];
  if (amount === undefined) return text;
  const inDays = days[unit];
  if (inDays !== undefined) return `${Number(amount) * inDays} d`;
  return `${amount} ${unit === "m" ? "min" : unit}`;
}

/** Where its CA lies, so that no client has to trust another one. */
function takeAuthority({ volumes, folder: at }: OldSetup, its: Variables, draft: Draft): void {
  const volume = volumes.map((each) => /^(.+?):\/ca(?::\w+)?$/.exec(each)?.[1]).find(Boolean);
  const isNamed = volume !== undefined && !/^[./~]/.test(volume);
  if (isNamed) {
    draft.note(
      `its CA is in the volume ${volume}: docker run --rm -v ${volume}:/ca:ro -v "$PWD":/out alpine cp /ca/ca.crt /ca/ca.key /out, and write both as ca_cert and ca_key; clients trust it already`,
    );
    return;
  }
  const folder = volume === undefined ? undefined : resolve(at, volume.replace(/^~/, homedir()));
  const cert = its.take("CA_CRT_FILE") ?? its.take("CA_CERT");
  const key = its.take("CA_KEY_FILE") ?? its.take("CA_KEY");
  if (folder === undefined && cert === undefined) {
    draft.note(
      "its CA is not among this; without ca_cert and ca_key every client has to trust a new one",
    );
    return;
  }
  draft.set("ca_cert", cert ?? `${folder}/ca.crt`, "clients trust it already");
  draft.set("ca_key", key ?? `${folder}/ca.key`);
}

function takeDebug(its: Variables, draft: Draft): void {
  const names = ["DEBUG", "DEBUG_HUB", "DEBUG_NGINX"];
  if (names.map((name) => its.take(name)).includes("true")) draft.set("log_level", "debug");
}

export function words(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,;]+/).filter((word) => word !== "");
}
