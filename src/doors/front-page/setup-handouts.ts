/** All that `/setup/` gives out, by the words that lead there, and what it says where one is not for here. */
import { setupBuildkit } from "./setup-buildkit.ts";
import { setupCheck } from "./setup-check.ts";
import { setupContainerd } from "./setup-containerd.ts";
import { setupDocker } from "./setup-docker.ts";
import { setupDockerMirror } from "./setup-docker-mirror.ts";
import { setupK3s } from "./setup-k3s.ts";
import { setupKind } from "./setup-kind.ts";
import { setupPodman } from "./setup-podman.ts";
import { handout, printRefusal, type SetupFacts, type SetupHandout } from "./setup-script.ts";
import { setupTrust } from "./setup-trust.ts";
import { setupWindows } from "./setup-windows.ts";

export const handouts: readonly SetupHandout[] = [
  ...[setupDocker, setupDockerMirror, setupContainerd, setupPodman, setupK3s].map(handout),
  ...[setupKind, setupBuildkit, setupTrust].map(handout),
  ...[setupCheck, setupWindows],
];

const byWord = new Map(
  handouts.flatMap((one) => [one.name, ...(one.aliases ?? [])].map((word) => [word, one])),
);

export function findHandout(word: string): SetupHandout | undefined {
  return byWord.get(word);
}

/** Why this one is not given out under this name; undefined when it is. */
export function refusalOf(one: SetupHandout, facts: SetupFacts): string | undefined {
  const [registry] = facts.registries;
  if (facts.isHosted === true && one.name === setupDockerMirror.name) return noMirrorHere;
  if (facts.isOneRegistry !== true || registry === undefined) return undefined;
  return one.refusal?.(registry);
}

/** It, or a script that says why there is none. */
export function printHandout(one: SetupHandout, facts: SetupFacts): string {
  const refusal = refusalOf(one, facts);
  if (refusal === undefined) return one.print(facts);
  return one.kind === "powershell" ? `throw 'entrepot: ${refusal}'\n` : printRefusal(refusal);
}

const noMirrorHere =
  "images are pushed under this name, so it is no mirror of Docker Hub for dockerd; use another name or address of this host";
