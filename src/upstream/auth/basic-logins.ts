/**
 * The operator's logins at registries that speak Basic: sent while they work, replaced when their
 * helper has another, and given up once it is the login itself that the registry refuses.
 */
import { type Registry, registryAddress } from "../../protocol/registry-name.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { ChallengeFinder } from "./challenge-finder.ts";
import type { Credential } from "./credential.ts";
import type { Credentials } from "./credentials.ts";

/** One request to a registry. */
export type BasicAsk = {
  readonly registry: Registry;
  readonly repository: string | undefined;
  /** The address of the client that it is for. */
  readonly from?: string | undefined;
  readonly signal: AbortSignal;
};

/** What was sent, and with what status the registry said no. */
export type BasicRefusal = { readonly sent: string; readonly status: number };

/** A success so recent says that a refusal is about the repository. */
const provenMs = 5_000;
/** The same, where the registry's `/v2/` lets everybody in and so is no judge. */
const workedMs = 60_000;

export class BasicLogins {
  readonly #credentials: Credentials;
  readonly #finder: Pick<ChallengeFinder, "judge">;

  constructor(credentials: Credentials, finder: Pick<ChallengeFinder, "judge">) {
    this.#credentials = credentials;
    this.#finder = finder;
  }

  /** The Authorization to send; undefined where there is none, or none that works. */
  async header(ask: BasicAsk): Promise<string | undefined> {
    const credential = this.#find(ask);
    return credential?.mayBeTriedByAll(ask.from) === true ? attach(credential, ask) : undefined;
  }

  /** Another than the one that was refused, if its helper gives one. */
  async fresh(ask: BasicAsk, sent: string): Promise<string | undefined> {
    const credential = this.#find(ask);
    if (credential === undefined) return undefined;
    const now = await attach(credential, ask);
    if (now !== sent) return now;
    if (!(await credential.refresh(credential.version, ask.signal))) return undefined;
    return attach(credential, ask);
  }

  /**
   * Whether it is the login that was refused, and not its right to one repository: one client who asks
   * for somebody's repository must not put it out of use for everybody. It is then marked so: where
   * nobody but that repository speaks against it, for that client alone.
   */
  async isRefused(ask: BasicAsk, refusal: BasicRefusal): Promise<boolean> {
    const credential = this.#find(ask);
    if (credential === undefined) return false;
    if (ask.repository === undefined) {
      credential.markRefused();
      return true;
    }
    if (credential.wasAcceptedWithin(provenMs)) return false;
    const verdict = await this.#judge(ask, refusal.sent);
    if (verdict === "good") {
      credential.markAccepted();
      return false;
    }
    const isRight = refusal.status !== 401 || credential.workedWithin(workedMs);
    if (verdict === "unknown" && isRight) return false;
    credential.markRefused(verdict === "unknown" ? ask.from : undefined);
    return true;
  }

  /** The registry answered what it was sent with: one that was refused may be good again. */
  async worked(ask: BasicAsk, sent: string): Promise<void> {
    const credential = this.#find(ask);
    credential?.noteWorked();
    if (credential?.isRefused !== true) return;
    // What is everybody's is given to a wrong login too.
    if (ask.repository !== undefined && (await this.#judge(ask, sent)) === "refused") {
      credential.markRefused();
    } else credential.markAccepted();
  }

  /** A registry that cannot be asked has not refused it. */
  async #judge(ask: BasicAsk, sent: string): Promise<"good" | "refused" | "unknown"> {
    try {
      return await this.#finder.judge(ask.registry, sent, ask);
    } catch (error) {
      if (error instanceof UpstreamError && !ask.signal.aborted) return "good";
      throw error;
    }
  }

  #find({ registry, repository }: Pick<BasicAsk, "registry" | "repository">) {
    return this.#credentials.forRegistry(registry, repository);
  }
}

async function attach(credential: Credential, ask: BasicAsk): Promise<string | undefined> {
  const { registry, signal } = ask;
  const to = { scheme: registry.scheme, address: registryAddress(registry.name), registry };
  return (await credential.attachTo(to, signal))?.authorization;
}
