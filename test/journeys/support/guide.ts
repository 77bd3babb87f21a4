/**
 * A guide as its reader uses it: the commands and files it shows, to be run and written as they stand.
 * Whatever is taken out counts as done, so that a journey can tell what it left out.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const guides = join(import.meta.dirname, "../../../docs/guides");

type Block = {
  /** `sh`, `toml /etc/…`; `inline` for a command within a sentence. */
  readonly kind: string;
  readonly text: string;
};

/** A command in a sentence begins with one of these. */
const inlineCommand = /`((?:curl|bash|docker|podman|skopeo|systemctl|kind|dns-hook) [^`]+)`/g;

export class Guide {
  readonly name: string;
  readonly #blocks: readonly Block[];
  readonly #done = new Set<Block>();

  private constructor(name: string, blocks: readonly Block[]) {
    this.name = name;
    this.#blocks = blocks;
  }

  static async open(name: string): Promise<Guide> {
    return new Guide(name, blocksOf(await readFile(join(guides, name), "utf8")));
  }

  /** The command or file that ends with these words, or else has them. Throws unless there is one. */
  take(words: string): string {
    const ending = this.#blocks.filter(({ text }) => text.endsWith(words));
    const found =
      ending.length > 0 ? ending : this.#blocks.filter(({ text }) => text.includes(words));
    const [block] = found;
    if (block === undefined || found.length > 1) {
      throw new Error(`${this.name} has ${found.length} blocks with ${words}`);
    }
    this.#done.add(block);
    return block.text;
  }

  /** What it writes into this file. */
  file(path: string): string {
    const block = this.#blocks.find(({ kind }) => kind.endsWith(` ${path}`));
    if (block === undefined) throw new Error(`${this.name} writes no ${path}`);
    this.#done.add(block);
    return block.text;
  }

  /** An env file of Entrepot's, as the program finds it in its environment. */
  settings(words: string): Record<string, string> {
    const lines = this.take(words).split("\n");
    const pairs = lines.map((line) => /^([A-Z0-9_]+)="?(.*?)"?$/.exec(line)?.slice(1) ?? ["", ""]);
    return Object.fromEntries(pairs);
  }

  /** What nobody has taken yet. */
  left(): string[] {
    return this.#blocks.filter((one) => !this.#done.has(one)).map(({ text }) => text);
  }
}

function blocksOf(markdown: string): Block[] {
  const parts = markdown.split(/^```/m);
  const fenced = parts.filter((_, index) => index % 2 === 1);
  const prose = parts.filter((_, index) => index % 2 === 0).join("\n");
  return [
    ...fenced.map((part) => {
      const end = part.indexOf("\n");
      return { kind: part.slice(0, end), text: part.slice(end + 1).trimEnd() };
    }),
    ...[...prose.matchAll(inlineCommand)].map(([, text = ""]) => ({ kind: "inline", text })),
  ];
}
