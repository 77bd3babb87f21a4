/**
 * Ends the process, also while a name is being looked up or a file opened that does not answer. An exit
 * waits for such work, since it joins the threads that do it, and a resolver may take ten seconds. Where
 * some is left another program takes this one's place, which the threads do not survive; all it does is
 * exit.
 */
import { isSingleExecutable } from "../runtime/carried.ts";

/** The first argument to a single executable that only has to exit with the second one. */
export const onlyLeave = "--only-leave-with";

/** What `process.getActiveResourcesInfo` calls work that a thread of the pool waits for. */
const pooled: ReadonlySet<string> = new Set([
  "FSReqCallback",
  "FSReqPromise",
  "GetAddrInfoReqWrap",
  "GetNameInfoReqWrap",
]);

/** Everything has to be closed and written before. */
export function leave(process: NodeJS.Process, code: number): never {
  const { execPath, env } = process;
  const isStuck = process.getActiveResourcesInfo().some((each) => pooled.has(each));
  // Not on Windows.
  if (isStuck && process.execve !== undefined) {
    try {
      const args = isSingleExecutable ? [onlyLeave, `${code}`] : ["-e", `process.exit(${code})`];
      process.execve(execPath, [execPath, ...args], { ...env, NODE_OPTIONS: "" });
    } catch {
      // Then it takes as long as it takes.
    }
  }
  process.exit(code);
}
