/** What registries said of logging in, as it outlives a restart. */
import type { AgingRecords } from "../../cache/keeping/record-aging.ts";
import { inBackground } from "../../runtime/in-background.ts";
import type { RecordStore } from "../../store/record-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { ChallengeMemory, SavedChallenge } from "../../upstream/auth/challenge-memory.ts";
import type { Log } from "../log.ts";

const prefix = "challenge/";

export function saveChallenge(
  records: RecordStore,
  saved: SavedChallenge,
  log: Pick<Log, "cache">,
): void {
  const { registry, scheme, lines, learnedAt, hasSignatures = false } = saved;
  const saving = records.set(`${prefix}${scheme}/${registry}`, {
    ...{ registry, scheme, lines, learnedAt, hasSignatures },
  });
  inBackground(saving, (error) => log.cache({ kind: "recordsFailed", error }));
}

/** Never rejects: registries say it once more. */
export async function loadChallenges(
  records: RecordStore,
  memory: ChallengeMemory,
  log: Pick<Log, "cache">,
): Promise<void> {
  try {
    for await (const { value } of records.list(prefix)) {
      if (isSavedChallenge(value)) memory.load([value]);
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log.cache({ kind: "recordsFailed", error });
  }
}

/** They go when the registry has not been asked for months. */
export const challengeRecords: AgingRecords = {
  prefix,
  renewedAt: (value) => (isSavedChallenge(value) ? value.learnedAt : 0),
  forget: () => undefined,
};

function isSavedChallenge(value: unknown): value is SavedChallenge {
  if (typeof value !== "object" || value === null) return false;
  const { registry, scheme, lines, learnedAt } = value as Partial<SavedChallenge>;
  const isScheme = scheme === "https" || scheme === "http";
  return (
    typeof registry === "string" &&
    isScheme &&
    Array.isArray(lines) &&
    typeof learnedAt === "number"
  );
}
