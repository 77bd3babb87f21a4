/**
 * What registries answer to a direct pull, and answered before: computed from what was put into them,
 * and from nothing that the program says.
 */
import type { Digest } from "../../../src/protocol/digest.ts";
import type { NamedRegistry } from "./program.ts";

export type File = { readonly digest: Digest; readonly type: string; readonly bytes: Buffer };

/** What a tag means; `converted` is for those who do not read the own type. */
export type Meaning = { readonly own: File; readonly converted?: File | "missing" };

/** `missing`: 404. */
export type Expected = File | "missing";

/** The types of all Accept lines; none accepts anything. */
export type Accepted = readonly string[];

/** By the program's clock, in milliseconds. */
export type Window = { readonly from: number; readonly until: number };

type Era = { readonly since: number; readonly meaning: Meaning | undefined };

/** How long what a registry does not have may be believed not to be there. */
const negativeLife = 2_000;
/** Between a registry's word and the moment at which the program notes it. */
const slack = 2_000;

export class RegistryModel {
  readonly registry: NamedRegistry;
  readonly #now: () => number;
  readonly #ttl: number;
  /** By `repository:tag`, the oldest first. */
  readonly #tags = new Map<string, Era[]>();
  /** By `repository@digest`. */
  readonly #files = new Map<string, { readonly file: File; readonly since: number }>();

  constructor(registry: NamedRegistry, now: () => number, ttl: number) {
    this.registry = registry;
    this.#now = now;
    this.#ttl = ttl;
  }

  /** Here and in the registry at the same moment. */
  move(repository: string, tag: string, meaning: Meaning | undefined): void {
    const since = this.#now();
    const key = `${repository}:${tag}`;
    this.#tags.set(key, [...(this.#tags.get(key) ?? []), { since, meaning }]);
    if (meaning === undefined) this.registry.server.removeTag(repository, tag);
    else this.#put(repository, tag, meaning);
  }

  /** Whatever the tag ever meant. */
  meanings(repository: string, tag: string): readonly Meaning[] {
    const eras = this.#tags.get(`${repository}:${tag}`) ?? [];
    return eras.flatMap(({ meaning }) => meaning ?? []);
  }

  /** Whatever a pull by tag may give that was asked and answered within the window. */
  byTag(repository: string, tag: string, accepted: Accepted, asked: Window): Set<Expected> {
    const eras = this.#tags.get(`${repository}:${tag}`) ?? [];
    const expected = new Set<Expected>();
    for (const [index, { since, meaning }] of eras.entries()) {
      const answer = meaning === undefined ? "missing" : directly(meaning, accepted);
      const life = answer === "missing" ? negativeLife : this.#ttl;
      const end = eras[index + 1]?.since ?? Number.POSITIVE_INFINITY;
      if (since <= asked.until && end >= asked.from - life - slack) expected.add(answer);
    }
    return expected;
  }

  byDigest(repository: string, digest: Digest, asked: Window): Set<Expected> {
    const known = this.#files.get(`${repository}@${digest}`);
    if (known === undefined) return new Set(["missing"]);
    const isNew = known.since >= asked.from - negativeLife - slack;
    return new Set<Expected>(isNew ? [known.file, "missing"] : [known.file]);
  }

  #put(repository: string, tag: string, { own, converted }: Meaning): void {
    this.#add(repository, own, tag);
    if (converted === undefined) return;
    if (converted !== "missing") this.#add(repository, converted);
    const conversion = converted === "missing" ? converted : converted.digest;
    this.registry.server.convertTag(repository, tag, conversion);
  }

  #add(repository: string, file: File, tag?: string): void {
    const key = `${repository}@${file.digest}`;
    if (!this.#files.has(key)) this.#files.set(key, { file, since: this.#now() });
    this.registry.server.addManifest(repository, tag, file.bytes, file.type);
  }
}

function directly({ own, converted }: Meaning, accepted: Accepted): Expected {
  const isRead = accepted.length === 0 || accepted.includes("*/*") || accepted.includes(own.type);
  return isRead || converted === undefined ? own : converted;
}
