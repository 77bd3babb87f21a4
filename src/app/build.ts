/** Which build this is, from the package's own file. */
import { carriedText } from "../runtime/carried.ts";

export type Build = { readonly version: string; readonly commit: string; readonly node: string };

export function readBuild(): Build {
  const text = carriedText(
    "package.json",
    () => new URL("../../package.json", import.meta.url).href,
  );
  const { version, gitHead } = JSON.parse(text) as { version?: unknown; gitHead?: unknown };
  const commit = typeof gitHead === "string" ? gitHead : "unknown";
  return { version: String(version), commit, node: process.versions.node };
}
