/** What goes of one repository now, and why. Only to be trusted within the repository's turn. */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { Change } from "../pushed.ts";
import type { Repository } from "../repository.ts";
import { aftermath } from "./aftermath.ts";
import { Marks } from "./marks.ts";
import type { Policy } from "./policy.ts";

/** Why something goes. */
export type SweepReason = "rule" | "untagged" | "subject gone" | "no image names it";

export type Superfluous = {
  readonly what: "tag" | "manifest" | "blob";
  readonly repository: RepositoryName;
  /** A tag, or the digest. */
  readonly reference: string;
  readonly digest: Digest;
  readonly size: number;
  readonly why: SweepReason;
};

export type SweepParts = {
  readonly name: RepositoryName;
  readonly its: Repository;
  readonly policy: Policy;
  readonly now: number;
  /** What pulls that just began want. */
  readonly wanted: () => readonly Digest[];
};

/** So many are looked at before others get their turn. */
const stride = 2_000;

/** What is returned says what goes, to be written down in the tick of the call: pulls go on till then. */
export async function sweepOf(parts: SweepParts): Promise<() => readonly Superfluous[]> {
  const { its, wanted } = parts;
  const tags = superfluous(parts);
  const marks = new Marks(its);
  await marks.add(await roots(parts, tags));
  await marks.addSurvivors();
  const going = [...tags.values(), ...(await unmarked(parts, marks))];
  return () => {
    marks.addNow(wanted());
    return going.filter(({ what, digest }) => what === "tag" || !marks.has(digest));
  };
}

/** All of it, for one transaction. */
export function changesOf(
  { its, name: repository, now }: SweepParts,
  going: readonly Superfluous[],
): Change[] {
  const gone = new Set<Digest>();
  const tags = new Set<Tag>();
  const changes = going.map(({ what, reference, digest }): Change => {
    if (what === "manifest") gone.add(digest);
    if (what !== "tag") return { kind: what, repository, digest, link: undefined };
    const tag = reference as Tag;
    tags.add(tag);
    return { kind: what, repository, tag, link: undefined };
  });
  return [...changes, ...aftermath(repository, its, { gone, tags }, now)];
}

function superfluous({ its, name, policy }: SweepParts): ReadonlyMap<Tag, Superfluous> {
  const going = new Map<Tag, Superfluous>();
  for (const [tag, link] of its.tags) {
    if (!policy.goesTag(tag, link)) continue;
    const about = { repository: name, reference: tag, digest: link.digest, size: 0 };
    going.set(tag, { what: "tag", ...about, why: "rule" });
  }
  return going;
}

async function roots(
  { its, policy }: SweepParts,
  goingTags: ReadonlyMap<Tag, unknown>,
): Promise<readonly Digest[]> {
  const stay: Digest[] = [];
  const losing = new Set<Digest>();
  for (const [tag, { digest }] of its.tags) {
    if (goingTags.has(tag)) losing.add(digest);
    else stay.push(digest);
  }
  const tagged = new Set(stay);
  await eachInTurns(its.manifests, ([digest, link]) => {
    if (tagged.has(digest)) return;
    if (policy.staysUntagged(digest, link, losing.has(digest))) stay.push(digest);
  });
  await eachInTurns(its.blobs, ([digest, link]) => {
    if (policy.isLeased(link)) stay.push(digest);
  });
  return stay;
}

async function unmarked({ its, name }: SweepParts, marks: Marks): Promise<Superfluous[]> {
  const found: Superfluous[] = [];
  const repository = name;
  await eachInTurns(its.manifests, ([digest, { size, subject }]) => {
    if (marks.has(digest)) return;
    const why = subject === undefined ? "untagged" : "subject gone";
    found.push({ what: "manifest", repository, reference: digest, digest, size, why });
  });
  await eachInTurns(its.blobs, ([digest, { size }]) => {
    if (marks.has(digest)) return;
    const why = "no image names it";
    found.push({ what: "blob", repository, reference: digest, digest, size, why });
  });
  return found;
}

async function eachInTurns<Item>(items: Iterable<Item>, look: (item: Item) => void): Promise<void> {
  let looked = 0;
  for (const item of items) {
    look(item);
    looked += 1;
    if (looked % stride === 0) await yieldToOthers();
  }
}
