/** The clients a journey is done with, each by the name of its program. */
import type { StartClient } from "./client.ts";
import { startContainerd } from "./containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./containers-tools.ts";
import { startCrane } from "./crane.ts";
import { startCurl } from "./curl.ts";
import { startDocker } from "./docker.ts";

export const everyClient: readonly (readonly [string, StartClient])[] = [
  ["dockerd", (surroundings) => startDocker(surroundings)],
  ["containerd", (surroundings) => startContainerd(surroundings)],
  ["podman", startPodman],
  ["skopeo", startSkopeo],
  ["buildah", startBuildah],
  ["curl", startCurl],
  ["crane", startCrane],
];
