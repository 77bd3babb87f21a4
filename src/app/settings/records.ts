/** Where records are kept. */
import { recordsPlace } from "./records-kinds.ts";
import { setting } from "./setting.ts";

export const records = {
  title: "Records",
  settings: {
    place: setting({
      name: "RECORDS",
      kind: recordsPlace,
      default: "sqlite:",
      isSecret: true,
      help: `Where it is kept what tags mean, who may see what, and what was pushed here: sqlite: for files in
        DATA_DIR; redis:// (rediss:// with TLS) for Redis or Valkey; postgres:// for PostgreSQL
        (?sslmode=verify-full with TLS).`,
    }),
  },
} as const;
