#!/usr/bin/env node
/**
 * Arguments in, exit code out. Plain JavaScript, so that an older Node can read what is said to it.
 */
import { fileURLToPath } from "node:url";

const [major = 0] = process.versions.node.split(".").map(Number);

if (major < 24) {
  process.stderr.write(
    `entrepot: this is Node.js ${process.versions.node}, and 24 or later is needed; npm start brings its own\n`,
  );
  process.exitCode = 1;
} else {
  // Keys, images and records are nobody else's business on this machine.
  process.umask(0o077);
  const { endOnSignals } = await import("./early-signals.ts");
  const takeSignals = endOnSignals(process);
  const { isAsking } = await import("./commands/asking-commands.ts");
  const { leave, onlyLeave } = await import("./leave.ts");
  const { isSingleExecutable } = await import("../runtime/carried.ts");
  const { readVolumes } = await import("./volumes.ts");
  const args = process.argv.slice(2);
  readVolumes(process.env);
  if (isSingleExecutable && args[0] === onlyLeave) {
    process.exit(Number(args[1]));
  } else if (isAsking(args[0])) {
    // They start twice as fast as the whole command line, and from compiled code, which a server would
    // keep in memory. Beside the packages nobody else writes; without a place, a start takes longer.
    const { enableCompileCache, flushCompileCache } = await import("node:module");
    if (!isSingleExecutable)
      enableCompileCache(fileURLToPath(new URL("../../node_modules/.compiled", import.meta.url)));
    const { runAsking } = await import("./commands/asking.ts");
    const code = await runAsking(args, process);
    flushCompileCache();
    leave(process, code);
  } else {
    const { runCommandLine } = await import("./command-line.ts");
    leave(process, await runCommandLine(process, takeSignals));
  }
}
