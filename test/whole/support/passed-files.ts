/**
 * Which files of `src/` a pull passes: those of which a function ran in every one of several pulls, so
 * that what goes on beside them does not count. V8 counts for itself; code without a name is left out.
 */
import { Session } from "node:inspector/promises";

/** The names of the functions that ran, by file: `cache/why.ts`. */
export type PassedFiles = ReadonlyMap<string, readonly string[]>;

const pulls = 5;

/** `pull` resolves when its request is over and told of. */
export async function passedFiles(pull: () => Promise<unknown>): Promise<PassedFiles> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    let passed: PassedFiles | undefined;
    for (let index = 0; index < pulls; index += 1) {
      await session.post("Profiler.takePreciseCoverage");
      await pull();
      const ran = await ranSince(session);
      passed = new Map([...ran].filter(([file]) => passed === undefined || passed.has(file)));
    }
    return passed ?? new Map();
  } finally {
    session.disconnect();
  }
}

/** One line a file, with what ran of it. */
export function listOf(passed: PassedFiles): string {
  return Array.from(passed, ([file, functions]) => `${file} ${functions.join(",")}\n`)
    .sort()
    .join("");
}

async function ranSince(session: Session): Promise<PassedFiles> {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const ran = new Map<string, readonly string[]>();
  for (const { url, functions } of result) {
    const [, file] = /\/src\/([^?]+)/.exec(url) ?? [];
    const named = functions.filter(({ functionName, ranges }) => {
      return functionName !== "" && (ranges[0]?.count ?? 0) > 0;
    });
    if (file === undefined || named.length === 0) continue;
    ran.set(
      file,
      named.map(({ functionName }) => functionName),
    );
  }
  return ran;
}
