/** The catalogue and the sums in one SQLite file: a crash loses the last batch at most, never the file. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type {
  Batch,
  CatalogueStore,
  ImageName,
  ImageQuery,
  ImageRecord,
  ManifestPart,
  Step,
  Sums,
  SumsAt,
  SumsOf,
} from "../catalogue-store.ts";
import { storeErrorFrom } from "../store-error.ts";

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS images (
    registry TEXT, repository TEXT, reference TEXT, digest TEXT,
    first_seen INTEGER, last_pull INTEGER, pulls INTEGER,
    PRIMARY KEY (registry, repository, reference)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS images_by_digest ON images (digest);
  CREATE INDEX IF NOT EXISTS images_by_last ON images (
    COALESCE(last_pull, first_seen) DESC, registry, repository, reference);
  CREATE INDEX IF NOT EXISTS images_by_pulls ON images (
    pulls DESC, registry, repository, reference);
  CREATE TABLE IF NOT EXISTS parts (
    parent TEXT, place INTEGER, digest TEXT, size INTEGER, platform TEXT,
    PRIMARY KEY (parent, place)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS parts_by_digest ON parts (digest);
  CREATE TABLE IF NOT EXISTS sums (
    step TEXT, at INTEGER, registry TEXT, requests INTEGER, errors INTEGER, pulls INTEGER,
    cached_pulls INTEGER, sent INTEGER, saved INTEGER, fetched INTEGER,
    PRIMARY KEY (step, at, registry)
  ) WITHOUT ROWID;
`;

const hour = 3_600_000;
const day = 24 * hour;

/** How long a step is, and how long it is remembered. */
const steps: Readonly<Record<Step, { readonly length: number; readonly kept: number }>> = {
  minute: { length: 60_000, kept: day },
  hour: { length: hour, kept: 30 * day },
  day: { length: day, kept: 731 * day },
};

/** The oldest names beyond so many are forgotten: clients choose what they ask for. */
const mostImages = 50_000;

const orders: Readonly<Record<ImageQuery["sort"], string>> = {
  name: "registry, repository, reference",
  pulls: "pulls DESC, registry, repository, reference",
  last: "COALESCE(last_pull, first_seen) DESC, registry, repository, reference",
};

/** Of several rows. */
const added = ["requests", "errors", "pulls", "cached_pulls", "sent", "saved", "fetched"]
  .map((column) => `sum(${column}) AS ${column}`)
  .join(", ");

export class SqliteCatalogue implements CatalogueStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Opens or makes the file. Throws StoreError RECORDS. */
  static open(path: string): SqliteCatalogue {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 1_000 });
      database.exec(schema);
      return new SqliteCatalogue(database);
    } catch (error) {
      database?.close();
      const remedy = "if it is damaged, remove it: only statistics are lost";
      throw storeErrorFrom(error, "RECORDS", `cannot open the statistics in ${path}; ${remedy}`);
    }
  }

  write(batch: Batch): void {
    this.#tried(() => {
      this.#database.exec("BEGIN");
      try {
        this.#writeImages(batch);
        this.#writeParts(batch);
        for (const step of ["minute", "hour", "day"] as const) this.#writeSums(batch, step);
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  images({ search, sort, offset, limit }: ImageQuery) {
    return this.#tried(() => {
      const words = search.split(/\s+/).filter((word) => word !== "");
      const where = words.map(
        () => "instr(lower(registry || '/' || repository || ':' || reference), ?) > 0",
      );
      const condition = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
      const wanted = words.map((word) => word.toLowerCase());
      const page = `SELECT * FROM images ${condition} ORDER BY ${orders[sort]} LIMIT ? OFFSET ?`;
      const rows = this.#prepared(page).all(...wanted, limit, offset);
      const [count] = this.#prepared(`SELECT count(*) AS total FROM images ${condition}`).all(
        ...wanted,
      );
      return { images: rows.map(readImage), total: Number(count?.total ?? 0) };
    });
  }

  image({ registry, repository, reference }: ImageName): ImageRecord | undefined {
    return this.#tried(() => {
      const one = "SELECT * FROM images WHERE registry = ? AND repository = ? AND reference = ?";
      const row = this.#prepared(one).get(registry, repository, reference);
      return row === undefined ? undefined : readImage(row);
    });
  }

  imagesIn(registry: string, repository: string): readonly ImageRecord[] {
    const those = "SELECT * FROM images WHERE registry = ? AND repository = ? ORDER BY reference";
    return this.#tried(() => this.#prepared(those).all(registry, repository).map(readImage));
  }

  namesOf(digest: string): readonly ImageRecord[] {
    const query = `WITH RECURSIVE up (digest) AS (
        SELECT ?1 UNION SELECT parts.parent FROM parts JOIN up ON parts.digest = up.digest)
      SELECT images.* FROM images JOIN up ON images.digest = up.digest LIMIT 100`;
    return this.#tried(() => this.#prepared(query).all(digest).map(readImage));
  }

  forget({ registry, repository, reference }: ImageName): void {
    const one = "DELETE FROM images WHERE registry = ? AND repository = ? AND reference = ?";
    this.#tried(() => void this.#prepared(one).run(registry, repository, reference));
  }

  parts(digest: string): readonly ManifestPart[] {
    return this.#tried(() =>
      this.#prepared("SELECT * FROM parts WHERE parent = ? ORDER BY place")
        .all(digest)
        .map((row) => ({
          digest: String(row.digest),
          size: Number(row.size),
          platform: row.platform === null ? undefined : String(row.platform),
        })),
    );
  }

  uses(digest: string) {
    return this.#tried(() => {
      const query = `SELECT (SELECT count(DISTINCT parent) FROM parts WHERE digest = ?1) AS parents,
        (SELECT count(*) FROM images WHERE digest = ?1) AS names`;
      const row = this.#prepared(query).get(digest);
      return { parents: Number(row?.parents ?? 0), names: Number(row?.names ?? 0) };
    });
  }

  totals(step: Step, since: number): readonly SumsOf[] {
    const query = `SELECT registry, ${added} FROM sums WHERE step = ? AND at >= ? GROUP BY registry`;
    return this.#tried(() =>
      this.#prepared(query)
        .all(step, since)
        .map((row) => ({ registry: String(row.registry), sums: readSums(row) })),
    );
  }

  sums(step: Step, since: number): readonly SumsAt[] {
    const query = `SELECT at, ${added} FROM sums WHERE step = ? AND at >= ? GROUP BY at ORDER BY at`;
    return this.#tried(() =>
      this.#prepared(query)
        .all(step, since)
        .map((row) => ({ at: Number(row.at), sums: readSums(row) })),
    );
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #writeImages({ images }: Batch): void {
    const upsert = this.#prepared(`INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET digest = excluded.digest, pulls = pulls + excluded.pulls,
      last_pull = COALESCE(excluded.last_pull, last_pull)`);
    for (const one of images) {
      const { registry, repository, reference, digest, seenAt, pulledAt, pulls } = one;
      upsert.run(registry, repository, reference, digest, seenAt, pulledAt ?? null, pulls);
    }
    if (images.length === 0) return;
    this.#prepared(`DELETE FROM images WHERE (registry, repository, reference) IN (
      SELECT registry, repository, reference FROM images
      ORDER BY COALESCE(last_pull, first_seen) DESC LIMIT -1 OFFSET ${mostImages})`).run();
  }

  #writeParts({ parts }: Batch): void {
    const insert = this.#prepared("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)");
    for (const { digest: parent, parts: list } of parts) {
      for (const [place, { digest, size, platform }] of list.entries()) {
        insert.run(parent, place, digest, size, platform ?? null);
      }
    }
  }

  #writeSums({ at, sums }: Batch, step: Step): void {
    const { length, kept } = steps[step];
    const start = Math.floor(at / length) * length;
    const add = this.#prepared(`INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
      errors = errors + excluded.errors, pulls = pulls + excluded.pulls,
      cached_pulls = cached_pulls + excluded.cached_pulls, sent = sent + excluded.sent,
      saved = saved + excluded.saved, fetched = fetched + excluded.fetched`);
    for (const { registry, sums: its } of sums) {
      const { requests, errors, pulls, cachedPulls, sent, saved, fetched } = its;
      add.run(step, start, registry, requests, errors, pulls, cachedPulls, sent, saved, fetched);
    }
    this.#prepared("DELETE FROM sums WHERE step = ? AND at < ?").run(step, start - kept);
  }

  #prepared(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  #tried<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeErrorFrom(error, "RECORDS", "the statistics cannot be read or written");
    }
  }
}

type Row = Readonly<Record<string, SQLInputValue>>;

function readImage(row: Row): ImageRecord {
  return {
    registry: String(row.registry),
    repository: String(row.repository),
    reference: String(row.reference),
    digest: String(row.digest),
    firstSeen: Number(row.first_seen),
    lastPull: row.last_pull === null ? undefined : Number(row.last_pull),
    pulls: Number(row.pulls),
  };
}

function readSums(row: Row): Sums {
  return {
    requests: Number(row.requests),
    errors: Number(row.errors),
    pulls: Number(row.pulls),
    cachedPulls: Number(row.cached_pulls),
    sent: Number(row.sent),
    saved: Number(row.saved),
    fetched: Number(row.fetched),
  };
}
