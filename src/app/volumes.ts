/**
 * What the volumes of a container mean, where their places alone say it: those that the image of
 * docker-registry-proxy has are used as they are mounted. What is set goes first.
 */
import { statSync } from "node:fs";
import { join } from "node:path";

/** The image sets it, and nobody else has to. */
export const imageVariable = "ENTREPOT_CONTAINER";

type Variables = { [name: string]: string | undefined };

/** Adds to the variables what follows from the volumes; nothing outside the image. */
export function readVolumes(variables: Variables, root = "/"): void {
  if (isUnset(variables, imageVariable)) return;
  const cache = join(root, "docker_mirror_cache");
  // What nginx kept there is left alone.
  if (isUnset(variables, "DATA_DIR") && isFolder(cache))
    variables.DATA_DIR = join(cache, "entrepot");
  const [certificate, key] = [join(root, "ca/ca.crt"), join(root, "ca/ca.key")];
  if (["CA_CERT", "CA_KEY"].every((name) => isUnset(variables, name)) && isThere(key)) {
    variables.CA_CERT = certificate;
    variables.CA_KEY = key;
  }
}

function isUnset(variables: Variables, name: string): boolean {
  return (variables[name] ?? "") === "";
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What this user may not even look for is there: the start says what is wrong with it. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
