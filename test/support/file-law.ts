/** Checks that every source file is short, and has its test at the same path under `test/`. */
import { type SourceFiles, withoutComments } from "./source-files.ts";

const maxLines = 250;

/** Files over 250 lines, blank ones not counted. */
export function longFiles(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.split("\n").filter((line) => line.trim() !== "").length;
    return lines > maxLines ? [`${path} has ${lines} lines, more than ${maxLines}`] : [];
  });
}

/** Source files whose test is missing; a file that only declares types and errors needs none. */
export function untestedFiles(files: SourceFiles, tests: Iterable<string>): string[] {
  const there = new Set(tests);
  return [...files]
    .filter(([, text]) => !isDeclarationsOnly(text))
    .map(([path]) => ({ path, test: path.replace(/^src\//, "test/").replace(/\.ts$/, ".test.ts") }))
    .filter(({ test }) => !there.has(test))
    .map(({ path, test }) => `${path} has no ${test}`);
}

const exported = /^export\s+.*/gm;
const declaration = /^export\s+(?:type|interface|declare|class\s+\w+\s+extends\s+\w*Error)\b/;

function isDeclarationsOnly(source: string): boolean {
  const lines = withoutComments(source).match(exported) ?? [];
  return lines.length > 0 && lines.every((line) => declaration.test(line));
}
