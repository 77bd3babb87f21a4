/**
 * What a data folder's VERSION says. A folder that an earlier version wrote becomes one of this, a step at
 * a time; one that a later version wrote is refused, since what it means there is not known here.
 */
import { StoreError } from "../store-error.ts";
import { writeWhole } from "./whole-file.ts";

type Step = {
  readonly to: string;
  /** Changes what is in the folder. Done again where a start was broken off in it. Throws StoreError. */
  readonly change: (path: string) => Promise<void>;
};

export const format = "2";

/** By what they start from. */
const steps: ReadonlyMap<string, Step> = new Map([
  // Since 2 a tag may be what an operator imported, which 1 would take for its registry's word.
  ["1", { to: "2", change: async () => undefined }],
]);

/** Throws StoreError FORMAT where no start may use it. */
export function needKnownFormat(path: string, text: string): void {
  if (text === format || steps.has(text)) return;
  const found = /^[\w.-]{1,20}$/.test(text) ? `format ${text}` : "an unknown format";
  const sentence = `${path} holds ${found}, and this version reads up to format ${format}`;
  throw new StoreError("FORMAT", `${sentence}; use another folder or the version that wrote it`);
}

/** Makes it a folder of this version; nobody else may have it meanwhile. Throws StoreError. */
export async function upgrade(path: string, from: string): Promise<void> {
  for (let step = steps.get(from); step !== undefined; step = steps.get(step.to)) {
    await step.change(path);
    await writeWhole(path, "VERSION", `${step.to}\n`);
  }
}
