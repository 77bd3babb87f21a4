#!/usr/bin/env node
/** Arguments in, exit code out. An older Node is told so before anything it cannot read is loaded. */
import { isAsking } from "./commands/asking-commands.ts";

import { keepCompiled, writeCompiled } from "./compiled.ts";

const [major = 0] = process.versions.node.split(".").map(Number);

if (major < 24) {
  process.stderr.write(
    `entrepot: this is Node.js ${process.versions.node}, and 24 or later is needed; npm start brings its own\n`,
  );
  process.exitCode = 1;
} else {
  keepCompiled(new URL("../../node_modules/.compiled", import.meta.url));
  // Keys, images and records are nobody else's business on this machine.
  process.umask(0o077);
  const { leave } = await import("./leave.ts");
  const args = process.argv.slice(2);
  if (isAsking(args[0])) {
    // They start twice as fast as the whole command line.
    const { runAsking } = await import("./commands/asking.ts");
    const code = await runAsking(args, process);
    writeCompiled();
    leave(process, code);
  } else {
    const { runCommandLine } = await import("./command-line.ts");
    leave(process, await runCommandLine(process));
  }
}
