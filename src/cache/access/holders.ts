/** Which repositories hold a digest, as it is known of each, and how that is written down. */
import type { Json } from "../../store/record-store.ts";

/** Whether the bytes came from the repository, or its registry said that it has them; and to whom. */
export type Link = {
  readonly isOrigin: boolean;
  /** To us without any login: what everybody else would have heard too. */
  readonly isOpen: boolean;
  /** The operator put the bytes here. */
  readonly isImported: boolean;
};

/** By repository; a time is when they were deleted there, or something was written over them. */
export type Holders = ReadonlyMap<string, Link | number>;

export const delivered: Link = { isOrigin: true, isOpen: false, isImported: false };
export const confirmed: Link = { ...delivered, isOrigin: false };

/** As links are written where not by `isOrigin` alone; without a login is the rare word. */
const wordsOf: Readonly<Record<string, Link>> = {
  "given to all": { ...delivered, isOpen: true },
  "confirmed to all": { ...confirmed, isOpen: true },
  imported: { ...delivered, isImported: true },
  "imported, given to all": { isOrigin: true, isOpen: true, isImported: true },
};

export function readHolders(value: Json): Holders | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value).map(([key, link]) => [key, readLink(link)]));
}

function readLink(link: Json): Link | number {
  if (typeof link === "number") return link;
  const word = typeof link === "string" ? wordsOf[link] : undefined;
  return word ?? (link === true ? delivered : confirmed);
}

export function printHolders(holders: Holders): Json {
  return Object.fromEntries(Array.from(holders, ([key, link]) => [key, printLink(link)]));
}

export function printLink(link: Link | number): Json {
  if (typeof link === "number") return link;
  if (link.isImported) return link.isOpen ? "imported, given to all" : "imported";
  if (!link.isOpen) return link.isOrigin;
  return link.isOrigin ? "given to all" : "confirmed to all";
}
