/** The guides as their readers use them: what they say to write into a file, for this very mirror. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const guides = join(import.meta.dirname, "../../../docs/guides");
const mirrorInGuides = "mirror.example.com:3128";

/** What the guide writes into that file. Throws when it writes no such file. */
export async function guideFile(guide: string, path: string, mirror = mirrorInGuides) {
  const text = await readFile(join(guides, guide), "utf8");
  const block = text.split("\n```").find((one) => one.split("\n", 1)[0]?.endsWith(` ${path}`));
  if (block === undefined) throw new Error(`${guide} writes no ${path}`);
  return block.slice(block.indexOf("\n") + 1).replaceAll(mirrorInGuides, mirror);
}

/** Puts a guide's file below a folder; gives the folder. */
export async function placeGuideFile(
  folder: string,
  { guide, path, mirror }: { guide: string; path: string; mirror: string },
): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${await guideFile(guide, path, mirror)}\n`);
  return folder;
}

/** A guide's env file, as a program finds it in its environment. */
export async function guideSettings(guide: string): Promise<Record<string, string>> {
  const lines = (await guideFile(guide, "entrepot.env")).split("\n");
  const pairs = lines.map((line) => /^([A-Z_]+)="?(.*?)"?$/.exec(line)?.slice(1) ?? ["", ""]);
  return Object.fromEntries(pairs);
}
