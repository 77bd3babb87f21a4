/**
 * Names for the journey's own registries in /etc/hosts: a marked block that is added, and taken out
 * again at the end, also when the process ends early.
 */
import { readFileSync, writeFileSync } from "node:fs";

const file = "/etc/hosts";
const block = /\n?# entrepot journeys\n[\s\S]*?# end of entrepot journeys\n/g;

/** Gives the undo. The file is written in place: in containers it is a mount. */
export function nameHosts(addresses: ReadonlyMap<string, string>): () => void {
  const lines = [...addresses].map(([name, address]) => `${address} ${name}\n`).join("");
  const rest = withoutBlock();
  writeFileSync(file, `${rest}\n# entrepot journeys\n${lines}# end of entrepot journeys\n`);
  const undo = () => {
    process.off("exit", undo);
    writeFileSync(file, withoutBlock());
  };
  process.once("exit", undo);
  return undo;
}

function withoutBlock(): string {
  return readFileSync(file, "utf8").replace(block, "");
}
