#!/usr/bin/env node
/** Arguments in, exit code out. An older Node is told so before anything it cannot read is loaded. */

const [major = 0] = process.versions.node.split(".").map(Number);

if (major < 24) {
  process.stderr.write(
    `entrepot: this is Node.js ${process.versions.node}, and 24 or later is needed; npm start brings its own\n`,
  );
  process.exitCode = 1;
} else {
  // Keys, images and records are nobody else's business on this machine.
  process.umask(0o077);
  const { runCommandLine } = await import("./command-line.ts");
  const { leave } = await import("./leave.ts");
  leave(process, await runCommandLine(process));
}
