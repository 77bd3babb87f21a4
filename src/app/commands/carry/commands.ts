/** The commands that carry images from one machine to another, with their flags. */
import type { Command } from "commander";
import type { ServerAsked } from "../control.ts";
import type { CarryTerminal, ExportFlags } from "./export.ts";
import type { ImportFlags } from "./import.ts";
import type { ImportRegistryFlags } from "./import-registry.ts";

type Place = {
  readonly dataDir?: string;
  readonly config?: string;
  readonly envFile?: string;
};

export type CarryingParts = {
  readonly asked: (flags: Place) => ServerAsked;
  readonly terminal: CarryTerminal;
  readonly ended: (exitCode: number) => void;
};

export function addCarrying(
  add: (name: string, description: string) => Command,
  { asked, terminal, ended }: CarryingParts,
): void {
  add("export <images...>", "an image layout of them, for another machine")
    .option("-o, --output <path>", "FILE.tar or a folder; left out, an archive into a pipe")
    .option("--platform <platform>", "of an index this alone: linux/arm64; may be repeated", also)
    .action(async (names: string[], flags: Place & ExportFlags) => {
      const { exportImages } = await import("./export.ts");
      ended(await exportImages(asked(flags), names, flags, terminal));
    });
  add("import <path>", "bring the images of a layout, or of docker save")
    .option("--as <name>", "HOST/REPOSITORY[:TAG] instead of what they are called there")
    .action(async (path: string, flags: Place & ImportFlags) => {
      const { importImages } = await import("./import.ts");
      ended(await importImages(asked(flags), path, flags, terminal));
    });
  add("import-registry <folder>", "bring what distribution's registry keeps in its folder")
    .option("--as <hosted>", "hosted: as if it was pushed here; what happens without a flag")
    .option("--as-cache-of <host>", "as the cache of the registry that it stood before: ghcr.io")
    .option("--dry-run", "only say what would come")
    .action(async (path: string, flags: Place & ImportRegistryFlags) => {
      const { importRegistry } = await import("./import-registry.ts");
      ended(await importRegistry(asked(flags), path, flags, terminal));
    });
}

/** A flag that may stand there several times. */
function also(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
