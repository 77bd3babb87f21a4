/** How POLICY says no: the rule and the setting, in words that every client shows. */
import { printReference, type Reference } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { ImageVerdict } from "./image-policy.ts";

/** Throws RegistryError DENIED unless `what` is allowed. */
export function refuseUnlessAllowed(verdict: ImageVerdict, what: string): void {
  if (verdict.kind === "allowed") return;
  const rule = verdict.kind === "denied" ? verdict.rule : undefined;
  const detail = { setting: "POLICY", ...(rule === undefined ? {} : { rule }) };
  throw new RegistryError("DENIED", denialSentence(verdict, what), { detail });
}

/** The reason first: what is too long for a status line is cut at its end. */
export function denialSentence(
  verdict: Exclude<ImageVerdict, { kind: "allowed" }>,
  what: string,
): string {
  if (verdict.kind === "denied") {
    return `POLICY on the proxy denies "${verdict.rule}", and so ${what}`;
  }
  return verdict.kind === "byTag"
    ? `POLICY on the proxy allows tags of this repository alone, and none has led to ${what}`
    : `POLICY on the proxy allows nothing that fits ${what}`;
}

/** `registry/repository:tag` or `registry/repository@digest`. */
export function imageText(
  { name }: Registry,
  repository: string,
  reference: Reference | undefined,
): string {
  if (reference === undefined) return `${name}/${repository}`;
  const mark = reference.kind === "tag" ? ":" : "@";
  return `${name}/${repository}${mark}${printReference(reference)}`;
}
