/** What a pull of an image would do now, and why, in sentences. */
import type { Outlook } from "../../cache/outlook.ts";
import type { ImageName } from "../../store/catalogue-store.ts";
import type { Image } from "./images.ts";
import { duration, reasonText, shortDigest } from "./in-words.ts";
import type { RegistryState } from "./upstream-figures.ts";

export type Explained = {
  readonly name: ImageName;
  readonly outlook: Outlook;
  /** What POLICY says against it. */
  readonly refusal: string | undefined;
  /** Whether the operator has a login for it, and whether that works. */
  readonly login: "none" | "works" | "refused";
  readonly upstream: RegistryState | undefined;
  readonly image: Image | undefined;
};

export function explain(explained: Explained): readonly string[] {
  const { refusal, outlook } = explained;
  if (refusal !== undefined) return [`refused: ${refusal}`];
  return [
    decision(explained),
    ...tagLines(outlook),
    ...whoLines(explained),
    ...keptLines(explained),
  ];
}

function decision({ outlook, upstream, name }: Explained): string {
  const { why, isKept } = outlook;
  const text = reasonText[why.reason];
  if (why.open !== undefined) return `hit: ${text}; nobody is asked`;
  if (why.reason === "missing lately") return `missing: ${text}`;
  if (why.reason === "failed lately") return `stale: ${text}; what is kept stands in`;
  if (upstream?.isUp === false) {
    if (isKept) return `stale: ${name.registry} does not answer, what is kept stands in`;
    return `failure: it is not kept, and ${name.registry} does not answer`;
  }
  if (!isKept) return `miss: ${text}; it is fetched and kept`;
  return `revalidated: ${text}; ${name.registry} is asked`;
}

function tagLines({ tag, digest }: Outlook): readonly string[] {
  if (tag === undefined) return [];
  return [
    `the tag was ${shortDigest(digest ?? "")} when it was confirmed ${duration(tag.age)} ago, and ${belief(tag.rule)}`,
  ];
}

function belief({ ttl, isImmutable, isNoCache }: NonNullable<Outlook["tag"]>["rule"]): string {
  if (isImmutable) return "never moves (immutable)";
  if (isNoCache) return "is never believed without asking (no-cache)";
  return `is believed for ${duration(ttl)} (TAG_TTL or a rule of POLICY)`;
}

function whoLines({ outlook, login, name }: Explained): readonly string[] {
  const who = {
    public: "everybody may have it: the registry gives it without a login",
    shared: "every client of this proxy may have it, by the login configured here",
    client: "only who the registry lets in may have it, which is asked each time",
  } as const;
  const logins = {
    none: `no login is configured for ${name.registry}`,
    works: `the login configured for ${name.registry} is used`,
    refused: `the login configured for ${name.registry} was refused; pulls go without it`,
  } as const;
  return [who[outlook.visibility], logins[login]];
}

function keptLines({ image }: Explained): readonly string[] {
  if (image === undefined) return [];
  const { state, pulls } = image;
  return [`${state}; pulled ${pulls} times through here`];
}
