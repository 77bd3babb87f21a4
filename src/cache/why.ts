/**
 * What an answer was decided on: in the same words for a pull, its event, the log, the back office and
 * what `explain` foretells. A pull notes it as it goes, so that it is known however the pull ends.
 */
import type { Access } from "../upstream/registry-client.ts";
import type { VisibilityName } from "./cache-event.ts";

/** Why nobody had to be asked, or why the registry was. */
export type Reason =
  | "kept" // by digest: this repository holds it, and it is open to who asks
  | "fresh" // a tag that was confirmed within its time
  | "immutable" // a tag that a rule says never moves
  | "failed lately" // the registry could not say a moment ago, and is left in peace
  | "missing lately" // the registry said a moment ago that there is none
  | "unknown" // nothing is known of the tag for this client
  | "expired" // the tag was confirmed too long ago
  | "imported" // the operator said what the tag means, and its registry has not yet
  | "never believed" // a rule says that the tag is confirmed each time
  | "no-cache" // the client wants it confirmed
  | "not kept" // its bytes are not here
  | "not proven" // nothing shows that this repository holds it, or that it is open to who asks
  | "old proof" // what shows that has to be renewed
  | "may push" // a HEAD of a blob by who could leave it out of a push
  | "list" // lists are asked for each time
  | "policy"; // POLICY does not allow it

/** What the registry said, where it was asked. */
export type Said =
  | "given" // the bytes, or that there are such
  | "same" // the tag means what it meant
  | "moved" // it means something else now
  | "refused"
  | "missing"
  | "unavailable"
  | "no manifest"; // something else, or something that is not kept

/** In whose name it was asked: nobody's, the operator's, the client's own. */
export type LoginUsed = "none" | "shared" | "own";

export type Why = {
  readonly reason: Reason;
  /** To whom what is kept was found to be open, where nobody had to be asked. */
  readonly open?: VisibilityName;
  readonly said?: Said;
  readonly login?: LoginUsed;
};

/** What can be said before anybody is asked. */
export type Foreseen = Pick<Why, "reason" | "open">;

/** `old`: what shows that it is open has to be renewed. */
export type Openness = VisibilityName | "old" | undefined;

/** What follows for what is kept from how open it is to who asks. */
export function keptIf(open: Openness): Foreseen {
  if (open === undefined) return { reason: "not proven" };
  return open === "old" ? { reason: "old proof" } : { reason: "kept", open };
}

type PushAsker = { readonly access: Access; readonly isHead: boolean; readonly isMirror: boolean };

/**
 * A push leaves out what a HEAD says is there, and the registry may have collected it: who has a
 * login of his own, or needs none, hears it from the registry. Mirrors take no pushes.
 */
export function maySkipPush({ access, isHead, isMirror }: PushAsker): boolean {
  return isHead && !isMirror && (access.kind === "client" || access.kind === "none");
}

export class Decision {
  #why: Why | undefined;

  /** Undefined until something was decided. */
  get why(): Why | undefined {
    return this.#why;
  }

  /** What counts from here on; what was said before that is history. */
  because(why: Foreseen): void {
    this.#why = why;
  }

  /** What the registry said when it was asked, for the reason that stands. */
  heard(said: Said, access: Access): void {
    if (this.#why !== undefined) this.#why = { ...this.#why, said, login: loginOf(access) };
  }
}

function loginOf({ kind }: Access): LoginUsed {
  if (kind === "client") return "own";
  return kind === "shared" ? "shared" : "none";
}
