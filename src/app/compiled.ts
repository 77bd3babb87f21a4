/**
 * Node compiles what it loads at every start, types taken out first, unless it finds it compiled. Kept
 * beside the packages, where nobody else writes; without a place to write, a start just takes longer.
 */
import { enableCompileCache, flushCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/** From here on, what is loaded comes from there where it can. */
export function keepCompiled(folder: URL): void {
  enableCompileCache(fileURLToPath(folder));
}

/** Once all is loaded: how the process ends leaves no time for it. */
export function writeCompiled(): void {
  flushCompileCache();
}
