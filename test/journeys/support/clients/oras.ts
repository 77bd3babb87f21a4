/** A small program over oras-go, as oras and helm are: an image goes into an OCI layout. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../program.ts";
import { type Client, environment, type Surroundings } from "./client.ts";

export async function startOras(
  surroundings: Surroundings,
  options: readonly string[] = [],
): Promise<Client> {
  const env = environment(surroundings);
  const layout = join(surroundings.folder, "layout");
  return {
    name: "oras-pull",
    pull: (image) => run("oras-pull", [...options, image, layout], { env }),
    wipe: () => rm(layout, { recursive: true, force: true }),
    stop: async () => undefined,
  };
}
