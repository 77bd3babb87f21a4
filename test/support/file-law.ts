/** Checks that every source file is short. */
import type { SourceFiles } from "./source-files.ts";

const maxLines = 250;

/** Files over 250 lines, blank ones not counted. */
export function longFiles(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.split("\n").filter((line) => line.trim() !== "").length;
    return lines > maxLines ? [`${path} has ${lines} lines, more than ${maxLines}`] : [];
  });
}
