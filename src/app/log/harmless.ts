/** The log as the rooms get it: they only tell, so a line that cannot be made or written stops nothing. */
import { tellAll } from "../../runtime/tell.ts";
import type { Log } from "../log.ts";

/** The same log, throwing nothing; `report` learns what it threw. */
export function harmless(log: Log, report: (error: unknown) => void): Log {
  const guard = <E>(listen: (event: E) => void): ((event: E) => void) => tellAll([listen], report);
  return {
    registry: guard(log.registry),
    door: guard(log.door),
    cache: guard(log.cache),
    store: guard(log.store),
    upstream: guard(log.upstream),
    auth: guard(log.auth),
    hosted: guard(log.hosted),
    note: (level, message, facts) => {
      try {
        log.note(level, message, facts);
      } catch (error) {
        report(error);
      }
    },
  };
}
