/** What is known of a tag: the digest of each of its variants, and when the upstream last said so. */
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import type { Json } from "../../store/record-store.ts";

export type TagEntry = {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes, when the upstream said. */
  readonly size: number | undefined;
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
};

export type TagVariant = {
  readonly current: TagEntry;
  /** The last one whose bytes came: what can be served while the current one cannot be fetched. */
  readonly kept: TagEntry | undefined;
};

/** By variant: `native`, or the exact Accept set for which the registry converted the manifest. */
export type TagState = ReadonlyMap<string, TagVariant>;

/** What the registry answers to the one fixed Accept. */
export const native = "native";

const mostVariants = 16;

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
  return { digest, mediaType, size: typeof size === "number" ? size : undefined, checkedAt };
}

function fieldsOf(value: Json | undefined): { readonly [key: string]: Json } | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as { readonly [key: string]: Json };
}
