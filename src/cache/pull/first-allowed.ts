/** Asks upstream in one name after another until one is let in, and draws the conclusions. */
import type { Digest } from "../../protocol/digest.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { AccessChecks } from "../access/access-checks.ts";
import type { RepositoryAsker, Visibility } from "../access/visibility.ts";
import { type Denial, passSmallAnswer } from "../asking/small-answer.ts";
import type { CacheOutcome, Passed } from "../content.ts";
import type { Foreseen, Said } from "../why.ts";

export type Attempted<T> = { readonly access: Access; readonly answer: T | Denial };

/** What a refusal means: `revoke` for the registry's own, `expire` when storage behind it may have said it. */
export type OnRefusal = "revoke" | "expire";

/** The first answer that is no refusal; when all are, the one to the asker's own access. */
export async function firstAllowed<T extends { readonly kind: string }>(
  visibility: Visibility,
  asker: RepositoryAsker,
  ask: (access: Access) => Promise<T | Denial>,
  onRefusal: OnRefusal = "revoke",
): Promise<Attempted<T>> {
  let refused: Attempted<T> | undefined;
  let isOurFault = false;
  for (const access of await visibility.accesses(asker)) {
    const answer = await ask(access);
    const isExcused = isNo(answer) && visibility.isOurFault(asker, access);
    if (answer.kind !== "refused" && !isExcused) {
      asker.decision?.heard(saidBy(answer), access);
      return { access, answer };
    }
    isOurFault ||= isExcused;
    // Either leaves alone what was proven with a credential that is broken now.
    await visibility[onRefusal](asker, access);
    if (refused === undefined || access === asker.access) refused = { access, answer };
  }
  if (refused !== undefined) asker.decision?.heard(saidBy(refused.answer), refused.access);
  if (refused === undefined) throw new TypeError("nobody to ask as");
  return isOurFault ? { ...refused, answer: excuse(refused.answer) } : refused;
}

/** Whether what is kept is open to the asker by an old proof: that is renewed first, or stands if it cannot be. */
export async function isRenewed(
  checks: Pick<AccessChecks, "permits">,
  ask: RepositoryAsker & { readonly digest: Digest; readonly signal: AbortSignal },
  { reason }: Foreseen,
): Promise<boolean> {
  return reason === "old proof" && checks.permits(ask, ask.digest, ask.signal);
}

/** While the operator's credential is broken, nobody can say whether the image is still shared. */
function excuse<T extends { readonly kind: string }>(answer: T | Denial): T | Denial {
  return isNo(answer) ? { kind: "unavailable", answer: answer.answer } : answer;
}

/** A refusal, or the 404 that some registries give instead to who may not know. */
function isNo<T extends { readonly kind: string }>(
  answer: T | Denial,
): answer is Extract<Denial, { readonly kind: "refused" | "missing" }> {
  if (!isDenial(answer) || answer.kind === "unavailable") return false;
  return answer.kind === "refused" || answer.answer.status === 404;
}

/** Whether it is one of the ways of saying no. */
export function isDenial<T extends { readonly kind: string }>(
  answer: T | Denial,
): answer is Denial {
  return answer.kind === "refused" || answer.kind === "missing" || answer.kind === "unavailable";
}

/** What the registry said with it. */
export function saidBy(answer: { readonly kind: string }): Said {
  if (isDenial(answer)) return answer.kind;
  return answer.kind === "unkept" ? "no manifest" : "given";
}

/** The upstream's own words, to be passed on; throws when it had none. */
export function passDenial(denial: Denial, outcome: CacheOutcome = "bypass"): Passed {
  if ("error" in denial) throw denial.error;
  return passSmallAnswer(denial.answer, outcome);
}
