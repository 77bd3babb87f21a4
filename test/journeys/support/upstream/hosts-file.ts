/**
 * Names for the journey's own registries in /etc/hosts: a marked block that is added, and taken out
 * again at the end, also when the process ends early. Two processes may do that at the same time.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

const file = "/etc/hosts";
const block = /\n?# entrepot journeys\n[\s\S]*?# end of entrepot journeys\n/g;

/** Gives the undo. */
export function nameHosts(addresses: ReadonlyMap<string, string>): () => void {
  const lines = [...addresses].map(([name, address]) => `${address} ${name}\n`).join("");
  const rest = readFileSync(file, "utf8").replace(block, "");
  write(`${rest}\n# entrepot journeys\n${lines}# end of entrepot journeys\n`);
  const undo = () => {
    process.off("exit", undo);
    unnameHosts();
  };
  process.once("exit", undo);
  return undo;
}

/** Takes out the block, whoever added it. */
export function unnameHosts(): void {
  const text = readFileSync(file, "utf8");
  const rest = text.replace(block, "");
  if (rest !== text) write(rest);
}

/** In place, since in containers the file is a mount; and never empty in between. */
function write(text: string): void {
  const bytes = Buffer.from(text);
  const descriptor = openSync(file, "r+");
  try {
    writeSync(descriptor, bytes, 0, bytes.length, 0);
    ftruncateSync(descriptor, bytes.length);
  } finally {
    closeSync(descriptor);
  }
}
