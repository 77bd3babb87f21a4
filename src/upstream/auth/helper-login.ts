/**
 * The login that `docker-credential-NAME` gives: asked for once for all who wait, again when it has
 * grown old or is about to expire, and once when it was refused. A helper that fails takes away
 * nothing it gave before.
 */
import { unlessAborted } from "../../runtime/flights.ts";
import { abortedBy } from "../upstream-deadline.ts";
import type { ObserveAuth } from "./auth-event.ts";
import type { HelperAnswer } from "./credential-helper.ts";

/** A login that can be sent. */
export type KeptLogin =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  /** What `docker login` keeps as identitytoken: a refresh token, good only in a POST. */
  | { readonly kind: "identity"; readonly token: string };

/** Runs on its own time: several requests may be waiting for its answer. */
export type AskHelper = (helper: string, server: string) => Promise<HelperAnswer | undefined>;

export type HelperLoginParts = {
  readonly helper: string;
  readonly server: string;
  readonly askHelper: AskHelper;
  readonly now: () => number;
  readonly observe: ObserveAuth;
};

/** An answer is believed so long: Amazon's lasts 12 h, Google's 1 h, counted from their own cache. */
const answerAge = 15 * 60_000;
/** So long before it expires, where it says when, another one is asked for. */
const expiryMargin = 60_000;
/** A helper that was asked so lately has nothing new to say. */
const pause = 10_000;
const failureAge = 60_000;

export class HelperLogin {
  readonly #parts: HelperLoginParts;
  #login: KeptLogin | undefined;
  #until = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #version = 0;

  constructor(parts: HelperLoginParts) {
    this.#parts = parts;
  }

  /** Grows with every other login. */
  get version(): number {
    return this.#version;
  }

  /** Undefined when the helper has none. Throws UpstreamError ABORTED. */
  async current(signal: AbortSignal): Promise<KeptLogin | undefined> {
    if (this.#until <= this.#parts.now()) await this.#ask(signal);
    return this.#login;
  }

  /** The login of that version was refused: true once there is another, asked for if need be. */
  async refresh(version: number, signal: AbortSignal): Promise<boolean> {
    const isAskedJustNow = this.#parts.now() - this.#askedAt < pause;
    const isKnown = version !== this.#version || (isAskedJustNow && this.#asking === undefined);
    if (!isKnown) await this.#ask(signal);
    return this.#login !== undefined && version !== this.#version;
  }

  /** One process at a time; an old answer outlives a helper that fails. */
  async #ask(signal: AbortSignal): Promise<void> {
    if (this.#parts.now() - this.#failedAt < failureAge) return;
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    await unlessAborted(this.#asking, signal, abortedBy(this.#parts.server));
  }

  async #askOnce(): Promise<void> {
    const { helper, server, askHelper, now, observe } = this.#parts;
    try {
      this.#take(await askHelper(helper, server));
    } catch (error) {
      this.#failedAt = now();
      const reason = error instanceof Error ? error.message : "failed";
      observe({ kind: "credentialHelperFailed", helper, reason });
    }
  }

  #take(answer: HelperAnswer | undefined): void {
    const now = this.#parts.now();
    const expiresAt = answer?.expiresAt ?? Number.POSITIVE_INFINITY;
    const login = answer === undefined ? undefined : loginOf(answer);
    if (JSON.stringify(login) !== JSON.stringify(this.#login)) this.#version += 1;
    this.#login = login;
    this.#askedAt = now;
    // One that is as good as expired is not asked for anew by every request.
    this.#until = Math.max(now + pause, Math.min(now + answerAge, expiresAt - expiryMargin));
  }
}

/** Helpers mark a refresh token by this user (docker-credential-helpers, README). */
function loginOf({ user, secret }: HelperAnswer): KeptLogin {
  if (user === "<token>") return { kind: "identity", token: secret };
  return { kind: "password", user, password: secret };
}
