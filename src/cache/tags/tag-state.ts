/** What is known of a tag: the digest of each of its variants, and when the upstream last said so. */
import { createHash } from "node:crypto";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import { type AcceptSet, acceptsType, bareMediaType } from "../../protocol/media-type.ts";
import type { Json } from "../../store/record-store.ts";

export type TagEntry = {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes, when the upstream said. */
  readonly size: number | undefined;
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
  /** The operator said so then, and the upstream has said nothing yet. */
  readonly isImported?: true;
};

/** The same, as what the upstream said then. */
export function saidAt(entry: TagEntry, checkedAt: number): TagEntry {
  const { digest, mediaType, size } = entry;
  return { digest, mediaType, size, checkedAt };
}

export type TagVariant = {
  readonly current: TagEntry;
  /** The last one whose bytes came: what can be served while the current one cannot be fetched. */
  readonly kept: TagEntry | undefined;
};

/** By variant: `native`, or the key of the Accept set for which the registry converted the manifest. */
export type TagState = ReadonlyMap<string, TagVariant>;

/** A variant of a tag, and the name it is kept under. */
export type KnownTag = TagVariant & { readonly variant: string };

/** What is known of a tag for a client with one Accept set. */
export type RecalledTag = {
  /** Fresh or not. */
  readonly known: KnownTag | undefined;
  /** All that this client can read, the last confirmed first. */
  readonly standIns: readonly TagEntry[];
};

/** What the registry answers to the one fixed Accept. */
export const native = "native";

const mostVariants = 16;
/** A longer set is nobody's who wants an image. */
const mostTypes = 32;

/** The name of what a registry answers to this very Accept set: short, however long the set is. */
export function variantOf(accept: AcceptSet): string {
  return `accept:${createHash("sha256").update(accept).digest("base64url")}`;
}

/** Whether what a registry answers to this set is remembered. */
export function isKeptVariant(accept: AcceptSet): boolean {
  return accept.split(",", mostTypes + 1).length <= mostTypes;
}

/** What of the state is for a client with this Accept set; what was converted for others is not. */
export function recalled(state: TagState | undefined, accept: AcceptSet): RecalledTag {
  if (state === undefined) return { known: undefined, standIns: [] };
  const isReadable = ({ mediaType }: TagEntry): boolean =>
    acceptsType(accept, bareMediaType(mediaType));
  const forAll = state.get(native);
  const own = state.size === (forAll === undefined ? 0 : 1) ? undefined : variantOf(accept);
  const forSet = own === undefined ? undefined : state.get(own);
  const standIns = [forAll?.current, forAll?.kept].filter((entry) => entry && isReadable(entry));
  standIns.push(forSet?.current, forSet?.kept);
  const known = knownOf(forAll && isReadable(forAll.current) ? forAll : undefined, native);
  return {
    known: known ?? knownOf(forSet, own),
    standIns: standIns
      .filter((entry) => entry !== undefined)
      .sort((one, other) => other.checkedAt - one.checkedAt),
  };
}

function knownOf(variant: TagVariant | undefined, name: string | undefined): KnownTag | undefined {
  return variant && name ? { ...variant, variant: name } : undefined;
}

/** The state with one variant changed. */
export function withVariant(
  state: TagState | undefined,
  name: string,
  variant: TagVariant,
): TagState {
  const after = new Map(state);
  after.delete(name);
  after.set(name, variant);
  for (const oldest of after.keys()) {
    if (after.size <= mostVariants) break;
    if (oldest !== native) after.delete(oldest);
  }
  return after;
}

export function printTagState(state: TagState): Json {
  const print = (entry: TagEntry): Json => JSON.parse(JSON.stringify(entry)) as Json;
  return [...state].map(([name, { current, kept }]) => ({
    name,
    current: print(current),
    kept: kept === undefined ? null : print(kept),
  }));
}

export function readTagState(value: Json): TagState | undefined {
  if (!Array.isArray(value)) return undefined;
  const state = new Map<string, TagVariant>();
  for (const item of value as readonly Json[]) {
    const fields = fieldsOf(item);
    const current = readEntry(fields?.current);
    if (typeof fields?.name !== "string" || current === undefined) return undefined;
    state.set(fields.name, { current, kept: readEntry(fields.kept) });
  }
  return state;
}

function readEntry(value: Json | undefined): TagEntry | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const { mediaType, size, checkedAt } = fields;
  const digest = typeof fields.digest === "string" ? parseDigest(fields.digest) : undefined;
  if (digest === undefined || typeof mediaType !== "string" || typeof checkedAt !== "number")
    return undefined;
  const entry = { digest, mediaType, size: typeof size === "number" ? size : undefined, checkedAt };
  return fields.isImported === true ? { ...entry, isImported: true } : entry;
}

function fieldsOf(value: Json | undefined): { readonly [key: string]: Json } | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as { readonly [key: string]: Json };
}
