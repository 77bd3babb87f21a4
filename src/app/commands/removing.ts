/**
 * `entrepot images rm` and `entrepot gc`: what goes is said, and what was pushed here and nowhere else
 * goes only when its name is typed, or with --yes.
 */
import type { Removal } from "../../doors/back-office/operations.ts";
import { timeOf } from "../settings/units.ts";
import { AskError, type ServerQuestion } from "./control.ts";
import { count, sum } from "./garbage.ts";
import { printBytes } from "./readable-answers.ts";

type Terminal = Pick<NodeJS.Process, "stdout" | "stderr" | "stdin">;

export type RemoveFlags = { readonly yes?: boolean };

/** Throws AskError when it is not confirmed. */
export async function remove(
  name: string,
  flags: RemoveFlags,
  terminal: Terminal,
  ask: (question: ServerQuestion) => Promise<unknown>,
): Promise<Removal> {
  const looked = (await ask({ path: `removals?${new URLSearchParams({ name })}` })) as Removal;
  if (looked.world === "hosted" && flags.yes !== true) await confirm(name, looked, terminal);
  return (await ask({ path: "removals", body: { name }, isLong: true })) as Removal;
}

async function confirm(name: string, removal: Removal, { stdin, stderr }: Terminal): Promise<void> {
  const what = `${name} was pushed here, and nowhere else has it (${contents(removal)})`;
  if (!stdin.isTTY) throw new AskError("WRONG_USE", `${what}; write --yes to remove it`);
  stderr.write(`${what}.\nType the name to remove it: `);
  if ((await lineOf(stdin)).trim() === name) return;
  throw new AskError("FAILED", `that is not ${name}; nothing is removed`);
}

async function lineOf(stdin: Terminal["stdin"]): Promise<string> {
  let text = "";
  for await (const piece of stdin) {
    text += String(piece);
    if (text.includes("\n")) break;
  }
  return text;
}

export function printRemoval(name: string, removal: Removal): string {
  const { world, freed, shared } = removal;
  if (world === "hosted") {
    return `removed ${name} (${contents(removal)}); entrepot gc frees what no other image needs`;
  }
  return [
    `removed ${name}: ${printBytes(sum(freed))} in ${count(freed.length, "blob")} freed`,
    ...shared.map(({ digest, size, by }) => `  ${digest} stays (${printBytes(size)}), for ${by}`),
  ].join("\n");
}

function contents({ tags, images }: Removal): string {
  const shown = tags.length === 0 ? "no tag" : tags.slice(0, 10).join(", ");
  const more = tags.length > 10 ? ` and ${tags.length - 10} more` : "";
  const its = images.length === 0 ? "" : `, ${count(images.length, "image")}`;
  return `${tags.length === 1 ? "tag" : "tags"} ${shown}${more}${its}`;
}

export type GarbageFlags = { readonly dryRun?: boolean; readonly untaggedAfter?: string };

/** Throws AskError WRONG_USE. */
export function garbageQuestion({ dryRun = false, untaggedAfter }: GarbageFlags): ServerQuestion {
  const time = untaggedAfter === undefined ? undefined : timeOf(untaggedAfter);
  if (untaggedAfter !== undefined && time === undefined) {
    const sentence = `--untagged-after is ${untaggedAfter}; write a time with its unit, such as 7d or 12h`;
    throw new AskError("WRONG_USE", sentence);
  }
  const body = { dryRun, ...(time === undefined ? {} : { untaggedAfter: time }) };
  return { path: "gc", body, isLong: true };
}
