/** Files that settings name and that hold no settings themselves: every error names the setting and the file. */
import { X509Certificate } from "node:crypto";
import { access, constants, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Htpasswd, HtpasswdError, parseHtpasswd } from "../../hosted/htpasswd.ts";
import { CredentialError } from "../../upstream/auth/credential-error.ts";
import { type DockerConfig, parseDockerConfig } from "../../upstream/auth/docker-config.ts";
import type { Settings } from "./settings.ts";
import { SettingsError } from "./settings-error.ts";
import { shownPath } from "./shown.ts";

/** A certificate to trust, as PEM. Throws SettingsError. */
export async function readTrusted(setting: string, path: string): Promise<string> {
  const text = await orSentence(setting, path, readFile(path, "utf8"));
  try {
    new X509Certificate(text);
    return text;
  } catch (cause) {
    const sentence = `${setting} names ${path}, which holds no certificate; write the path of a PEM file`;
    throw new SettingsError([sentence], { cause });
  }
}

/** DOCKER_CONFIG, which is a folder to docker and a file to everybody else. Throws SettingsError or CredentialError. */
export async function readDockerConfig(path: string): Promise<DockerConfig> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = isFolder ? join(path, "config.json") : path;
  return parseDockerConfig(await orSentence("DOCKER_CONFIG", file, readFile(file, "utf8")), file);
}

/** The logins of HOSTED_HTPASSWD, undefined where it is left out. Throws SettingsError. */
export async function readHtpasswd({ hosted }: Settings): Promise<Htpasswd | undefined> {
  const path = hosted.htpasswd;
  if (path === undefined) return undefined;
  const text = await orSentence("HOSTED_HTPASSWD", path, readFile(path, "utf8"));
  try {
    return parseHtpasswd(text);
  } catch (cause) {
    if (!(cause instanceof HtpasswdError)) throw cause;
    const sentence = `HOSTED_HTPASSWD names ${path}, whose line ${cause.line} ${cause.message}`;
    throw new SettingsError([sentence], { cause });
  }
}

/** A sentence for each file that a start could not use, as far as that shows without using it. */
export async function namedFileProblems(settings: Settings): Promise<readonly string[]> {
  const { listen, authority, mirror, registries, upstream } = settings;
  const readable = (setting: string, path: string | undefined) =>
    path === undefined ? [] : [orSentence(setting, path, access(path, constants.R_OK))];
  const checks: readonly Promise<unknown>[] = [
    ...readable("TLS_CERT", listen.tlsCert),
    ...readable("TLS_KEY", listen.tlsKey),
    ...(listen.tlsClientCa === undefined ? [] : [readTrusted("TLS_CLIENT_CA", listen.tlsClientCa)]),
    ...readable("CA_CERT", authority.cert),
    ...readable("CA_KEY", authority.key),
    ...(mirror.acmeCa === undefined ? [] : [readTrusted("ACME_CA", mirror.acmeCa)]),
    ...upstream.ca.map((path) => readTrusted("UPSTREAM_CA", path)),
    readHtpasswd(settings),
    ...(registries.dockerConfig === undefined ? [] : [readDockerConfig(registries.dockerConfig)]),
  ];
  const outcomes = await Promise.allSettled(checks);
  return outcomes.flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    const { reason } = outcome;
    if (reason instanceof SettingsError || reason instanceof CredentialError)
      return [reason.message];
    throw reason;
  });
}

async function orSentence<T>(setting: string, path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    const sentence = `${setting} names ${named(path)}, which cannot be read (${code}); write the path of a readable file`;
    throw new SettingsError([sentence], { cause });
  }
}

/** A login or a key may stand where its file should: only what is surely a path is shown. */
function named(path: string): string {
  const isPath = /^(?:\.{0,2}|~)\//.test(path) || /^[\w-]+(?:\.[\w-]+)+$/.test(path);
  return (isPath ? shownPath(path) : undefined) ?? "a file";
}
