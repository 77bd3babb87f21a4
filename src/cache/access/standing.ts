/** What is proven of who may have what a repository holds, as it stands in the records. */
import type { RegistryName } from "../../protocol/registry-name.ts";
import type { Json, RecordStore } from "../../store/record-store.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { VisibilityName } from "../cache-event.ts";

export type VisibilityProof = { readonly at: number; readonly witness: string };

export type Standing = {
  readonly public?: VisibilityProof | undefined;
  readonly shared?: (VisibilityProof & { readonly credential: string }) | undefined;
  /** The operator put images of it here; gone once its registry refuses everybody. */
  readonly imported?: { readonly at: number } | undefined;
};

/** What opens a repository, and in whose name it was shown. */
export type Opening = { readonly access: Access; readonly proof: VisibilityProof };

export type ProofTimes = { readonly now: () => number; readonly proofLife?: number };

/**
 * The first that counts without being renewed, and until when. One from what is now the future, by a
 * clock that was fast, is renewed like one that is old.
 */
export function youngOf(
  openings: readonly Opening[],
  { now, proofLife = 3_600_000 }: ProofTimes,
): (Opening & { readonly until: number }) | undefined {
  const time = now();
  const young = openings.find(({ proof: { at } }) => at > time - proofLife && at <= time);
  return young && { ...young, until: young.proof.at + proofLife };
}

/** The operator's credential for a registry, as far as the cache has to know it. */
export type SharedCredential = {
  /** Changes when the credential does; what was obtained with another one is not shared any more. */
  readonly id: string;
  /** The upstream says it is wrong: our fault, so nothing is withdrawn because of it. */
  readonly isRefused: boolean;
};

export const standingPrefix = "visibility/";

/** Whether anything of that registry was imported. Throws StoreError RECORDS. */
export async function hasImported(
  records: Pick<RecordStore, "list">,
  registry: RegistryName,
): Promise<boolean> {
  for await (const { value } of records.list(`${standingPrefix}${registry}/`))
    if (readStanding(value)?.imported !== undefined) return true;
  return false;
}

/** When it was last shown to be open; undefined for an operator's word, which nobody renews. */
export function renewedAt(standing: Standing | undefined): number | undefined {
  if (standing?.imported !== undefined) return undefined;
  return Math.max(0, standing?.public?.at ?? 0, standing?.shared?.at ?? 0);
}

/** With a proof that has to be renewed before it counts again; undefined where there is none. */
export function aged(
  standing: Standing | undefined,
  kind: "anonymous" | "shared",
): Standing | undefined {
  if (kind === "anonymous")
    return standing?.public && { ...standing, public: { ...standing.public, at: 0 } };
  return standing?.shared && { ...standing, shared: { ...standing.shared, at: 0 } };
}

/** To whom that opens it. */
export function nameOf(standing: Standing | undefined): VisibilityName {
  if (standing?.public !== undefined) return "public";
  return standing?.shared === undefined ? "client" : "shared";
}

/** Undefined for what is no such record. */
export function readStanding(value: Json): Standing | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = value as { readonly [key: string]: Json };
  const proof = readProof(fields.public);
  const sharedProof = readProof(fields.shared);
  const credential = (fields.shared as { readonly credential?: Json } | undefined)?.credential;
  return {
    public: proof,
    shared:
      sharedProof !== undefined && typeof credential === "string"
        ? { ...sharedProof, credential }
        : undefined,
    ...readImported(fields.imported),
  };
}

function readImported(value: Json | undefined): Pick<Standing, "imported"> {
  const at = (value as { readonly at?: Json } | null | undefined)?.at;
  return typeof at === "number" ? { imported: { at } } : {};
}

function readProof(value: Json | undefined): VisibilityProof | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { at, witness } = value as { readonly at?: Json; readonly witness?: Json };
  return typeof at === "number" && typeof witness === "string" ? { at, witness } : undefined;
}
