/**
 * Which bytes a file with gaps has, in a small file beside it, and since which start of the machine:
 * after a crash of this process they are there all the same, after one of the machine nobody knows.
 */
import { constants } from "node:fs";
import type { Interval, Intervals } from "../../runtime/intervals.ts";
import { closeQuietly, type FileSystem } from "./file-system.ts";

export type PartialMap = {
  /** What the file is called once it waits for whoever goes on with it. */
  readonly name: string;
  readonly boot: string;
  readonly stretches: readonly Interval[];
};

/** A map of more gaps than that is no use to anybody. */
const mostBytes = 1024 * 1024;

/** A map is written, and written anew, when so many more bytes are there. */
export const mapSpacing = 4 * 1024 * 1024;

/** Keeps the map of a file that is being written, so that a crash costs little of it. */
export class GrowingMap {
  readonly #save: (stretches: readonly Interval[]) => Promise<void>;
  #saved = 0;
  #saving: Promise<void> | undefined;

  constructor(save: (stretches: readonly Interval[]) => Promise<void>) {
    this.#save = save;
  }

  /** So much is there now; nobody waits for its map. */
  grown(there: Pick<Intervals, "total" | "all">): void {
    if (there.total - this.#saved < mapSpacing || this.#saving !== undefined) return;
    this.#saved = there.total;
    // Without a map a crash costs more, and nothing else.
    this.#saving = this.#save(there.all)
      .catch(() => undefined)
      .then(() => {
        this.#saving = undefined;
      });
  }

  /** Resolves when no map is being written any more. */
  async settled(): Promise<void> {
    await this.#saving;
  }
}

export function mapPathOf(path: string): string {
  return `${path}.map`;
}

/** All of it is written, or what was there before stays. Throws what a call threw. */
export async function writeMap(fs: FileSystem, path: string, map: PartialMap): Promise<void> {
  const stretches = map.stretches.map(({ start, end }) => [start, end]);
  const text = Buffer.from(JSON.stringify({ ...map, stretches }));
  const place = mapPathOf(path);
  const file = await fs.open(`${place}.new`, "w", 0o600);
  try {
    await file.write(text, 0, text.length, 0);
  } finally {
    await closeQuietly(file);
  }
  await fs.rename(`${place}.new`, place);
}

/** Undefined when there is none, or none that says what it should. Never rejects. */
export async function readMap(fs: FileSystem, path: string): Promise<PartialMap | undefined> {
  try {
    const file = await fs.open(mapPathOf(path), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      const text = Buffer.alloc(Math.min(size, mostBytes));
      await file.read(text, 0, text.length, 0);
      return parseMap(JSON.parse(text.toString()));
    } finally {
      await closeQuietly(file);
    }
  } catch {
    return undefined;
  }
}

function parseMap(value: unknown): PartialMap | undefined {
  const isObject = typeof value === "object" && value !== null;
  if (!isObject || !("name" in value && "boot" in value && "stretches" in value)) return undefined;
  const { name, boot, stretches } = value;
  if (typeof name !== "string" || typeof boot !== "string" || !Array.isArray(stretches))
    return undefined;
  const all: Interval[] = [];
  for (const pair of stretches) {
    const [start, end]: unknown[] = Array.isArray(pair) ? pair : [];
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return undefined;
    all.push({ start: Number(start), end: Number(end) });
  }
  return { name, boot, stretches: all };
}
