/** Checks that every source file is short, and that one name means one type. */
import type { SourceFiles } from "./source-files.ts";

const maxLines = 250;

/** Files over 250 lines, blank ones not counted. */
export function longFiles(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.split("\n").filter((line) => line.trim() !== "").length;
    return lines > maxLines ? [`${path} has ${lines} lines, more than ${maxLines}`] : [];
  });
}

/** Names of types and classes that several files export. */
export function namesTwice(files: SourceFiles): string[] {
  const homes = new Map<string, string[]>();
  for (const [path, text] of files) {
    const exported = text.matchAll(/^export (?:abstract )?(?:type|interface|class) (\w+)/gm);
    for (const [, name = ""] of exported) homes.set(name, [...(homes.get(name) ?? []), path]);
  }
  return [...homes].flatMap(([name, paths]) =>
    paths.length > 1 ? [`${name} is exported by ${paths.join(" and ")}`] : [],
  );
}
