/** A file in the data folder as long as records are owed to a server: a start that finds it trusts none of them. */
import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DebtMark } from "../owing-records.ts";
import { writeWhole } from "./whole-file.ts";

const name = "records.owed";

export function debtMarkIn(folder: string): DebtMark {
  const path = join(folder, name);
  return {
    isSet: () =>
      access(path).then(
        () => true,
        () => false,
      ),
    set: () => writeWhole(folder, name, ""),
    clear: () => rm(path, { force: true }),
  };
}
