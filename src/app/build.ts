/** Which build this is, from the package's own file. */
import { carriedText, isSingleExecutable } from "../runtime/carried.ts";

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

/** All that is known of it, as JSON, for who asks by `--version --json`. */
export function describeBuild({ version, commit, node }: Build): string {
  const { platform, arch } = process;
  const build = `${formOf(commit)}, ${platform}-${arch}`;
  return JSON.stringify({ version, commit, node, build });
}

/** A package knows the commit it was made of, a clone asks git. */
function formOf(commit: string): string {
  if (isSingleExecutable) return "single executable";
  return commit === "unknown" ? "clone" : "npm package";
}
