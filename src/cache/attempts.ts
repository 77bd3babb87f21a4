/** Asks upstream in one name after another until one is let in, and draws the conclusions. */
import type { Access } from "../upstream/registry-client.ts";
import type { CacheOutcome, Passed } from "./content.ts";
import type { Denial } from "./manifest-asks.ts";
import { passSmallAnswer } from "./small-answer.ts";
import type { Asker, Visibility } from "./visibility.ts";

export type Attempted<T> = { readonly access: Access; readonly answer: T | Denial };

/** What a refusal means: `withdraw` for the registry's own, `doubt` when storage behind it may have said it. */
export type OnRefusal = "withdraw" | "doubt";

/** The first answer that is no refusal; when all are, the one to the asker's own access. */
export async function firstAllowed<T extends { readonly kind: string }>(
  visibility: Visibility,
  asker: Asker,
  ask: (access: Access) => Promise<T | Denial>,
  onRefusal: OnRefusal = "withdraw",
): Promise<Attempted<T>> {
  let refused: Attempted<T> | undefined;
  let isOurFault = false;
  for (const access of await visibility.accesses(asker)) {
    const answer = await ask(access);
    if (answer.kind !== "refused") return { access, answer };
    isOurFault ||= visibility.isOurFault(asker, access);
    if (onRefusal === "withdraw") await visibility.no(asker, access);
    else await visibility.doubt(asker, access);
    if (refused === undefined || access === asker.access) refused = { access, answer };
  }
  if (refused === undefined) throw new TypeError("nobody to ask as");
  return isOurFault ? { ...refused, answer: excuse(refused.answer) } : refused;
}

/** While the operator's credential is broken, nobody can say whether the image is still shared. */
function excuse<T extends { readonly kind: string }>(answer: T | Denial): T | Denial {
  if (!isDenial(answer) || answer.kind !== "refused") return answer;
  return { kind: "unavailable", answer: answer.answer };
}

/** Whether it is one of the ways of saying no. */
export function isDenial<T extends { readonly kind: string }>(
  answer: T | Denial,
): answer is Denial {
  return answer.kind === "refused" || answer.kind === "missing" || answer.kind === "unavailable";
}

/** The upstream's own words, to be passed on; throws when it had none. */
export function passDenial(denial: Denial, outcome: CacheOutcome = "bypass"): Passed {
  if ("error" in denial) throw denial.error;
  return passSmallAnswer(denial.answer, outcome);
}
