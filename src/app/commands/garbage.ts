/** What a collection of garbage came to, as a person reads it in a terminal. */
import type { Sized } from "../../doors/back-office/operations.ts";
import { inColumns, printBytes } from "./readable-answers.ts";

type Collected = {
  readonly isDry: boolean;
  readonly going: readonly {
    readonly what: string;
    readonly repository: string;
    readonly reference: string;
    readonly size: number;
    readonly why: string;
  }[];
  readonly freed: readonly Sized[];
  readonly returned: readonly Sized[];
  readonly skipped: readonly { readonly repository: string; readonly why: string }[];
};

const reasons: Readonly<Record<string, string>> = {
  rule: "HOSTED_RULES keep others",
  untagged: "no tag leads to it",
  "subject gone": "what it is about has been gone for a week",
  "no image names it": "no image needs it",
};

export function printGarbage(value: unknown, columns: number | undefined): string {
  const { isDry, going, freed, returned, skipped } = value as Collected;
  const rows = going.map(({ what, repository, reference, size, why }) => [
    `${repository}${what === "tag" ? ":" : "@"}${reference}`,
    what,
    what === "tag" ? "–" : printBytes(size),
    reasons[why] ?? why,
  ]);
  const lists =
    rows.length === 0 ? [] : inColumns([["GOES", "WHAT", "SIZE", "WHY"], ...rows], columns);
  const would = isDry ? "would free" : "freed";
  return [
    ...lists,
    ...skipped.map(({ repository, why }) => `${repository} is left alone: ${why}`),
    `${would} ${printBytes(sum(freed))} in ${count(freed.length, "blob")}`,
    ...(returned.length === 0
      ? []
      : [
          `${printBytes(sum(returned))} in ${count(returned.length, "blob")} ${isDry ? "would go" : "went"} back to the cache, which has them too`,
        ]),
  ].join("\n");
}

export function sum(all: readonly Sized[]): number {
  return all.reduce((total, { size }) => total + size, 0);
}

export function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}
