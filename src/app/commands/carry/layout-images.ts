/** Which images a layout has, and under which names they are brought. */
import { parseImageName } from "../../../doors/back-office/image-name.ts";
import {
  type LayoutEntry,
  layoutList,
  layoutMarker,
  readLayoutList,
} from "../../../protocol/image-layout.ts";
import { maxManifestBytes } from "../../../protocol/manifest.ts";
import { parseTag } from "../../../protocol/reference.ts";
import { AskError } from "../control.ts";
import { type BroughtContents, LayoutContents, wholeOf } from "./layout-contents.ts";
import { type LayoutSource, shown } from "./layout-source.ts";

/** One image as it goes to one repository. */
export type BroughtImage = BroughtContents & Name;

type Name = {
  /** `ghcr.io/owner/app` */
  readonly repository: string;
  readonly tag: string | undefined;
};

type Entry = {
  readonly entry: LayoutEntry;
  readonly its: BroughtContents;
  readonly own: Name | undefined;
};

/** Undefined where it is no layout. Throws AskError when it is one, and makes no sense. */
export async function entriesIn(
  path: string,
  source: LayoutSource,
): Promise<readonly LayoutEntry[] | undefined> {
  const [marker, list] = [await source.find(layoutMarker.path), await source.find(layoutList)];
  if (list === undefined) return undefined;
  if (marker === undefined) throw wrong(path, `has an ${layoutList} and no ${layoutMarker.path}`);
  const entries =
    list.size > maxManifestBytes ? undefined : readLayoutList(await wholeOf(list.read()));
  if (entries === undefined) throw wrong(path, `has an ${layoutList} that makes no sense`);
  if (entries.length === 0) throw wrong(path, "lists no image");
  return entries;
}

/** `as` is the name to give them. Throws AskError when anything is missing, or wrong. */
export async function imagesIn(
  path: string,
  source: LayoutSource,
  entries: readonly LayoutEntry[],
  as: string | undefined,
): Promise<readonly BroughtImage[]> {
  const found: Entry[] = [];
  for (const entry of entries) {
    const its = await LayoutContents.of(entry, path, source);
    found.push({
      entry,
      own: nameOf(path, entry),
      its: { ...its, isAbout: its.isAbout || isAboutTag(entry) },
    });
  }
  const repositories = new Set(found.flatMap(({ own }) => own?.repository ?? []));
  const mains = found.filter(({ its }) => !its.isAbout);
  const given = as === undefined ? undefined : givenName(as);
  if (given !== undefined && repositories.size > 1) {
    throw wrong(path, `has images of ${[...repositories].join(", ")}; leave out --as`);
  }
  if (given?.tag !== undefined && mains.length > 1) {
    throw wrong(path, `has ${mains.length} images; write --as without a tag`);
  }
  const [only] = repositories.size === 1 ? repositories : [];
  const images = found.map((one) => ({
    ...one.its,
    ...(given === undefined ? ownName(path, one, only) : newName(one, given)),
  }));
  needOneEach(path, images);
  return images;
}

function newName({ entry, its, own }: Entry, given: Name): Name {
  const { repository } = given;
  const tag = own === undefined ? tagIn(entry) : own.tag;
  if (its.isAbout) return { repository, tag };
  return { repository, tag: given.tag ?? (own === undefined ? (tag ?? "latest") : tag) };
}

function ownName(path: string, { entry, its, own }: Entry, only: string | undefined): Name {
  if (own !== undefined) return own;
  if (its.isAbout && only !== undefined) return { repository: only, tag: tagIn(entry) };
  const what = entry.refName === undefined ? its.digest : `"${entry.refName}"`;
  throw wrong(path, `does not say what repository ${what} is of; write --as HOST/REPOSITORY[:TAG]`);
}

function needOneEach(path: string, images: readonly BroughtImage[]): void {
  const seen = new Map<string, BroughtImage>();
  for (const image of images) {
    const name = `${image.repository}:${image.tag}`;
    if (image.tag !== undefined && (seen.get(name)?.digest ?? image.digest) !== image.digest) {
      throw wrong(path, `has two images called ${name}`);
    }
    seen.set(name, image);
  }
}

/** Tools write the whole name as containerd does, or in the layout's own place; there most write a tag alone. */
function nameOf(path: string, { name, refName }: LayoutEntry): Name | undefined {
  const whole = name ?? (refName?.includes("/") ? refName : undefined);
  if (whole === undefined) return undefined;
  const parsed = parseImageName(whole);
  if (parsed === undefined)
    throw wrong(path, `has an image called ${shown(whole)}, which is no name`);
  const { registry, repository, reference } = parsed;
  const tag = reference.includes(":") ? undefined : reference;
  return { repository: `${registry}/${repository}`, tag };
}

/** Throws AskError. */
function givenName(as: string): Name {
  const parsed = parseImageName(as);
  if (parsed === undefined || parsed.reference.includes(":")) {
    throw new AskError("WRONG_USE", `--as is ${as}; write HOST/REPOSITORY or HOST/REPOSITORY:TAG`);
  }
  const hasTag = /:[^/]*$/.test(as);
  const { registry, repository, reference } = parsed;
  return { repository: `${registry}/${repository}`, tag: hasTag ? reference : undefined };
}

function tagIn({ refName }: LayoutEntry): string | undefined {
  return refName === undefined ? undefined : parseTag(refName);
}

/** `sha256-….sig` and its like. */
function isAboutTag({ name, refName }: LayoutEntry): boolean {
  return /(?:^|:)sha256-[0-9a-f]{64}(?:\.\w{1,20})?$/.test(name ?? refName ?? "");
}

function wrong(path: string, what: string): AskError {
  return new AskError("FAILED", `${path} ${what}`);
}
