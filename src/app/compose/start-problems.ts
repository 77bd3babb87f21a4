/** What a start would find wrong with the files and folders that settings name, without changing any. */
import { join } from "node:path";
import { DoorError } from "../../doors/door-error.ts";
import { openAuthority } from "../../doors/proxy/authority/ca.ts";
import { CertificateFiles } from "../../doors/tls/certificate-files.ts";
import { checkDataFolder } from "../../store/disk/data-folder.ts";
import { StoreError } from "../../store/store-error.ts";
import { namedFileProblems } from "../settings/named-files.ts";
import type { Settings } from "../settings/settings.ts";

/** A sentence each; both a start and `config check` ask here first. */
export async function startProblems(settings: Settings, now: () => number): Promise<string[]> {
  const problems = [...(await namedFileProblems(settings))];
  // What is not there needs no second sentence.
  if (problems.length > 0) return problems;
  for (const check of [checkOwnAuthority, checkCertificates, checkFolder]) {
    const problem = await check(settings, now);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

async function checkOwnAuthority(
  { authority, files }: Settings,
  now: () => number,
): Promise<string | undefined> {
  const { cert: certificate, key, keyPassphrase: passphrase } = authority;
  if (certificate === undefined || key === undefined) return undefined;
  const folder = join(files.dataDir, "ca");
  return sentenceOf(openAuthority({ folder, own: { certificate, key }, passphrase, now }));
}

async function checkCertificates({ listen }: Settings): Promise<string | undefined> {
  const { tlsPort, tlsCert: certificate, tlsKey: key } = listen;
  if (tlsPort === undefined || certificate === undefined) return undefined;
  const opening = CertificateFiles.open({ certificate, key, observe: () => undefined });
  return sentenceOf(opening.then((files) => files.close()));
}

async function checkFolder({ files }: Settings): Promise<string | undefined> {
  return sentenceOf(checkDataFolder(files.dataDir));
}

async function sentenceOf(checking: Promise<unknown>): Promise<string | undefined> {
  try {
    await checking;
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return `DATA_DIR cannot be used: ${error.message}`;
    if (error instanceof DoorError) return error.message;
    throw error;
  }
}
