/** The project's sources as text, for the rules that read them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Text by path from the project's top, with `/`. */
export type SourceFiles = ReadonlyMap<string, string>;

/** Every TypeScript file under this folder of the project; none when there is no such folder. */
export async function readSources(project: string, folder: string): Promise<SourceFiles> {
  const entries = await readdir(join(project, folder), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name).slice(project.length + 1))
    .sort();
  const read = async (path: string) => [path, await readFile(join(project, path), "utf8")] as const;
  return new Map(await Promise.all(paths.map(read)));
}

const commentOrText = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

/** Its comments alone. */
export function commentsIn(text: string): string[] {
  return (text.match(commentOrText) ?? []).filter((match) => match.startsWith("/"));
}

/** The text with every comment blanked out; line breaks stay. */
export function withoutComments(text: string): string {
  return text.replace(commentOrText, (match) =>
    match.startsWith("/") ? match.replace(/[^\n]/g, " ") : match,
  );
}
