/** Which build this is: from the package's own file, and of a clone by git. */
import { fileURLToPath } from "node:url";
import { carriedText, isSingleExecutable } from "../runtime/carried.ts";
import { commitOfClone } from "./clone-commit.ts";

export type Build = { readonly version: string; readonly commit: string; readonly node: string };

const root = new URL("../../", import.meta.url);

export function readBuild(): Build {
  const { version, gitHead } = readPackage();
  return {
    version: String(version),
    commit: gitHead ?? ownCommit() ?? "unknown",
    node: process.versions.node,
  };
}

/** All that is known of it, as JSON, for who asks by `--version --json`. */
export function describeBuild({ version, commit, node }: Build): string {
  const { platform, arch } = process;
  const build = `${form()}, ${platform}-${arch}`;
  return JSON.stringify({ version, commit, node, build });
}

/** A package knows the commit it was made of. */
function readPackage(): { readonly version?: unknown; readonly gitHead: string | undefined } {
  const text = carriedText("package.json", () => new URL("package.json", root).href);
  const { version, gitHead } = JSON.parse(text) as { version?: unknown; gitHead?: unknown };
  return { version, gitHead: typeof gitHead === "string" ? gitHead : undefined };
}

function ownCommit(): string | undefined {
  return isSingleExecutable ? undefined : commitOfClone(fileURLToPath(root));
}

function form(): string {
  if (isSingleExecutable) return "single executable";
  return readPackage().gitHead === undefined ? "clone" : "npm package";
}
