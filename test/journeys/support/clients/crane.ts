/** crane, as build systems use it: it has no store, a pull is a tar file. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../program.ts";
import { type Client, environment, type Surroundings } from "./client.ts";

export async function startCrane(surroundings: Surroundings): Promise<Client> {
  const env = environment(surroundings);
  const file = join(surroundings.folder, "image.tar");
  return {
    name: "crane",
    pull: (image) => run("crane", ["pull", "--platform", "linux/amd64", image, file], { env }),
    wipe: () => rm(file, { force: true }),
    stop: async () => undefined,
  };
}
