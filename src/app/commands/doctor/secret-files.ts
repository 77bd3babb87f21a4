/** Who else may read the files that hold keys, logins and tokens. */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Examination } from "./examination.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

export async function lookAtSecretFiles(its: Examination): Promise<readonly Symptom[]> {
  const findings = await Promise.all([
    ...ownFiles(its).map((path) => lookAt(path, 0o077, wrong)),
    // A group may be meant to read what the operator keeps.
    ...operatorsFiles(its).map((path) => lookAt(path, 0o007, mind)),
  ]);
  const found = findings.flat();
  return found.length > 0 ? found : [well("nobody else can read keys and logins")];
}

function ownFiles({ settings: { files, authority } }: Examination): readonly string[] {
  const folder = resolve(files.dataDir);
  const key = authority.key === undefined ? [join(folder, "ca", "ca.key")] : [];
  return [...key, join(folder, "token.secret")];
}

function operatorsFiles({ settings, secretFiles }: Examination): readonly string[] {
  const { listen, registries, hosted } = settings;
  const named = [listen.tlsKey, registries.dockerConfig, hosted.htpasswd, ...secretFiles.values()];
  return named.filter((path) => path !== undefined);
}

async function lookAt(
  path: string,
  others: number,
  mark: (what: string, mend: string) => Symptom,
): Promise<readonly Symptom[]> {
  const its = await stat(path).catch(() => undefined);
  if (its === undefined || !its.isFile() || (its.mode & others) === 0) return [];
  const mode = (its.mode & 0o777).toString(8);
  return [mark(`others on this machine can read ${path} (mode ${mode})`, `chmod 600 ${path}`)];
}
