/** Whether the server that RECORDS names is reached, takes what is written, and keeps it as it has to. */
import { randomBytes } from "node:crypto";
import { systemClock } from "../../../runtime/clock.ts";
import { PostgresPushedTable } from "../../../store/postgres/postgres-pushed-table.ts";
import { PostgresRecords } from "../../../store/postgres/postgres-records.ts";
import { RedisPushedTable } from "../../../store/redis/redis-pushed-table.ts";
import { RedisRecords } from "../../../store/redis/redis-records.ts";
import type { ServedRecords } from "../../../store/served-records.ts";
import { StoreError } from "../../../store/store-error.ts";
import { placeOfRecords } from "../../compose/records.ts";
import type { SharedRecordsPlace } from "../../settings/records-kinds.ts";
import type { Examination } from "./examination.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

export async function lookAtRecords({
  settings,
  mayAsk,
}: Examination): Promise<readonly Symptom[]> {
  if (!mayAsk) return [];
  const place = await placeOfRecords(settings);
  if (place.kind === "sqlite") return [];
  const written = await lookAtWriting(place);
  const isHosting = settings.hosted.hosts.length > 0;
  return written.mark === "wrong" || !isHosting
    ? [written]
    : [written, ...(await lookAtKeeping(place))];
}

async function lookAtWriting(place: SharedRecordsPlace): Promise<Symptom> {
  const records = await openRecords(place);
  try {
    // A moment later nobody knows of it any more.
    const key = `doctor/${randomBytes(8).toString("hex")}`;
    await records.set(key, key, 10_000);
    const isThere = (await records.get(key)) === key;
    await records.delete(key);
    if (isThere) return well(`${place.url} keeps records`);
    return wrong(`${place.url} forgets what is written at once`, "see what else uses it");
  } catch (error) {
    return failed(error);
  } finally {
    await records.close();
  }
}

function openRecords(place: SharedRecordsPlace): Promise<ServedRecords> {
  const its = { where: place.url, clock: systemClock };
  return place.kind === "redis"
    ? RedisRecords.open({ ...its, server: place.server, distrust: () => undefined })
    : PostgresRecords.open({ ...its, server: place.server });
}

/** What is pushed here is nowhere else. */
async function lookAtKeeping(place: SharedRecordsPlace): Promise<readonly Symptom[]> {
  const its = { where: place.url, clock: systemClock };
  const table =
    place.kind === "redis"
      ? await RedisPushedTable.open({ ...its, server: place.server })
      : await PostgresPushedTable.open({ ...its, server: place.server });
  try {
    const warnings = await table.warnings();
    if (warnings.length === 0) return [well(`${place.url} keeps what is pushed`)];
    return warnings.map((warning) => {
      const [what = "", ...mend] = warning.split("; ");
      return mind(what, mend.join("; "));
    });
  } catch (error) {
    return [failed(error)];
  } finally {
    await table.close();
  }
}

function failed(error: unknown): Symptom {
  if (!(error instanceof StoreError)) throw error;
  const [what = "", ...mend] = error.message.split("; ");
  const remedy = "see whether it runs, and whether RECORDS has its address and login";
  // An address and what went wrong there are one finding.
  if (/^(?:redis|rediss|postgres):/.test(mend[0] ?? "")) {
    return wrong(`${what}: ${mend.join("; ")}`, remedy);
  }
  return wrong(what, mend.join("; ") || remedy);
}
