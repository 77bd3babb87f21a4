/**
 * The catalogue as people look at it: each image with what of it is kept, and what only it needs. However
 * many look at once, one page is made at a time, in small steps, and who asks for the same gets the same.
 */
import { Flights } from "../../runtime/flights.ts";
import { KeyedMutex } from "../../runtime/keyed-mutex.ts";
import { SmallSteps } from "../../runtime/small-steps.ts";
import type {
  CatalogueStore,
  ImageName,
  ImageQuery,
  ImageRecord,
} from "../../store/catalogue-store.ts";
import type { HostedHosts } from "../server/own-names.ts";

export type ImagesOptions = {
  readonly store: Pick<CatalogueStore, "images" | "image" | "parts" | "uses">;
  /** Whether the blob is kept here. */
  readonly isKept: (digest: string) => Promise<boolean>;
  /** The one name of a registry that has several. */
  readonly hosted: Pick<HostedHosts, "called">;
  /** Who may have what the repository holds. */
  readonly visibility: (name: ImageName) => Promise<string>;
  readonly from: (image: ImageRecord) => Promise<ImageOrigin>;
};

/** How it came here. */
export type ImageOrigin = "pulled" | "pushed here" | "imported";

export type Platform = { readonly name: string; readonly digest: string; readonly isKept: boolean };

export type Image = ImageRecord & {
  readonly platforms: readonly Platform[];
  /** Bytes of all that is known of it, of what is kept, and of what no other image needs. */
  readonly bytes: { readonly whole: number; readonly kept: number; readonly own: number };
  readonly visibility: string;
  readonly from: ImageOrigin;
  readonly state: "kept" | "partly kept" | "not kept";
};

export type Blob = { readonly digest: string; readonly size: number; readonly isKept: boolean };

export type ImagePage = {
  readonly images: readonly Image[];
  readonly total: number;
  readonly offset: number;
};

export class Images {
  readonly #options: ImagesOptions;
  readonly #pages = new Flights<ImagePage>();
  readonly #turns = new KeyedMutex<"look">();

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /** One page, not to be changed. */
  list(query: ImageQuery): Promise<ImagePage> {
    const { search, sort, offset, limit } = query;
    const key = JSON.stringify([search, sort, offset, limit]);
    return this.#pages.join(key, () => this.#turns.run("look", () => this.#list(query)));
  }

  async #list(query: ImageQuery): Promise<ImagePage> {
    const steps = new SmallSteps();
    const { images, total } = this.#options.store.images(query);
    const looked: Image[] = [];
    for (const one of images) looked.push((await this.#look(one, steps)).image);
    return { images: looked, total, offset: query.offset };
  }

  /** With its blobs; undefined when the name was never asked for. */
  async show(name: ImageName): Promise<(Image & { readonly blobs: readonly Blob[] }) | undefined> {
    const { store, hosted } = this.#options;
    const registry = hosted.called(name.registry);
    // One that is spoken to in plain HTTP is another by name, and no name of an image says so.
    const record =
      store.image({ ...name, registry }) ??
      store.image({ ...name, registry: `http://${registry}` });
    if (record === undefined) return undefined;
    return this.#turns.run("look", async () => {
      const { image, blobs } = await this.#look(record, new SmallSteps());
      return { ...image, blobs };
    });
  }

  async #look(record: ImageRecord, steps: SmallSteps) {
    const { store, isKept, visibility, from } = this.#options;
    const platforms: Platform[] = [];
    const blobs = new Map<string, Blob>();
    const bytes = { whole: 0, kept: 0, own: 0 };
    const isOnlyName = store.uses(record.digest).names <= 1;
    const add = async (digest: string, size: number): Promise<boolean> => {
      const known = blobs.get(digest);
      if (known !== undefined) return known.isKept;
      await steps.next();
      const isHere = await isKept(digest);
      blobs.set(digest, { digest, size, isKept: isHere });
      bytes.whole += size;
      if (!isHere) return false;
      bytes.kept += size;
      if (isOnlyName && store.uses(digest).parents <= 1) bytes.own += size;
      return true;
    };
    for (const part of store.parts(record.digest)) {
      await steps.next();
      const inner = store.parts(part.digest);
      // Of an index's platforms only those that somebody asked for are known from inside.
      const isManifest = part.platform !== undefined;
      if (isManifest && inner.length === 0) {
        platforms.push({ name: part.platform ?? "", digest: part.digest, isKept: false });
        continue;
      }
      let isWhole = await add(part.digest, part.size);
      for (const { digest, size } of inner) isWhole = (await add(digest, size)) && isWhole;
      if (isManifest)
        platforms.push({ name: part.platform ?? "", digest: part.digest, isKept: isWhole });
    }
    const image: Image = {
      ...record,
      ...{ platforms, bytes, visibility: await visibility(record), from: await from(record) },
      state: stateOf(bytes),
    };
    return { image, blobs: [...blobs.values()] };
  }
}

function stateOf({ whole, kept }: Image["bytes"]): Image["state"] {
  if (kept === 0) return "not kept";
  return kept === whole ? "kept" : "partly kept";
}
