/**
 * Finds out upstream who may have what a repository holds: renews proofs that have grown old, and
 * asks anonymously, in the background, whether a repository seen for the first time is public.
 */
import type { Digest } from "../../protocol/digest.ts";
import { resolveAccept } from "../../protocol/media-type.ts";
import type { Reference } from "../../protocol/reference.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import { Flights, unlessAborted } from "../../runtime/flights.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import { abortedBy } from "../../upstream/upstream-deadline.ts";
import { getManifest, headManifest } from "../asking/manifest-asks.ts";
import { type RepositoryRef, repositoryKey } from "../repository-ref.ts";
import type { Said } from "../why.ts";
import type { RepositoryAsker, Visibility } from "./visibility.ts";

export type AccessChecksOptions = {
  readonly client: RegistryClient;
  readonly visibility: Visibility;
  readonly now: () => number;
  readonly tracing?: Tracing | undefined;
};

/** "unknown": the upstream cannot be asked, or does not know the witness any more. */
type AccessVerdict = "yes" | "no" | "unavailable" | "unknown";

/** Names are as long as clients like. */
const ofNames = { limit: 1024 * 1024, of: (_: number, key: string) => 200 + key.length };

const saidBy: Readonly<Record<AccessVerdict, Said>> = {
  yes: "given",
  no: "refused",
  unavailable: "unavailable",
  unknown: "missing",
};

const hour = 3_600_000;
/** So long an upstream that could not be asked is not asked again for the same proof. */
const pause = 10_000;

export class AccessChecks {
  readonly #options: AccessChecksOptions;
  readonly #flights: Flights<AccessVerdict>;
  readonly #sightedAt = new FairMap<string, number>({ bytes: ofNames });
  readonly #pausedUntil = new FairMap<string, number>({ bytes: ofNames });
  readonly #closing = new AbortController();

  constructor(options: AccessChecksOptions) {
    this.#options = options;
    this.#flights = new Flights({ tracing: options.tracing, name: "check access" });
  }

  /** Whether this asker may have what is kept; an old proof is renewed first, or stands if it cannot be. */
  async permits(asker: RepositoryAsker, digest: Digest, signal: AbortSignal): Promise<boolean> {
    const { visibility } = this.#options;
    if (await visibility.may(asker, digest)) return true;
    for (const { access, witness } of await visibility.renewals(asker)) {
      const verdict = await this.#ask({ ...asker, access }, witness, "brief", signal);
      asker.decision?.heard(saidBy[verdict], access);
      if (verdict === "yes") return true;
      if (verdict === "unavailable") return visibility.mayWhileUnreachable(asker, digest);
    }
    return false;
  }

  /** Somebody with a login or the operator's credential got this manifest: may everybody? */
  sighted(ref: RepositoryRef, access: Access, witness: Reference): void {
    if (access.kind !== "client" && access.kind !== "shared") return;
    const key = repositoryKey(ref);
    const { now } = this.#options;
    if ((this.#sightedAt.get(key) ?? Number.NEGATIVE_INFINITY) > now() - hour) return;
    const { from } = access;
    this.#sightedAt.set(key, now(), from);
    const asker: RepositoryAsker = { ...ref, access: { kind: "anonymous", from } };
    this.#ask(asker, witness, "full", this.#closing.signal).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#flights.close();
  }

  #ask(
    asker: RepositoryAsker,
    witness: Reference,
    patience: "full" | "brief",
    signal: AbortSignal,
  ): Promise<AccessVerdict> {
    const key = `${repositoryKey(asker)}\n${asker.access.kind}`;
    // A question behind the clients' backs may take long, and nobody waits for it.
    const flight = `${key}\n${patience}`;
    if ((this.#pausedUntil.get(key) ?? 0) > this.#options.now())
      return Promise.resolve("unavailable");
    const start = async (own: AbortSignal): Promise<AccessVerdict> => {
      const verdict = await this.#verdict(asker, witness, patience, own);
      const until = this.#options.now() + pause;
      if (verdict === "unavailable") this.#pausedUntil.set(key, until, asker.access.from);
      return verdict;
    };
    return unlessAborted(this.#flights.join(flight, start), signal, abortedBy(asker.registry.name));
  }

  async #verdict(
    asker: RepositoryAsker,
    witness: Reference,
    patience: "full" | "brief",
    signal: AbortSignal,
  ): Promise<AccessVerdict> {
    const { client, visibility } = this.#options;
    const { access } = asker;
    const question = { ...asker, reference: witness, accept: resolveAccept, patience, signal };
    const answer = (await headManifest(client, question)) ?? (await getManifest(client, question));
    switch (answer.kind) {
      case "found":
      case "bytes":
      case "same":
        await visibility.grant(asker, access, witness);
        return "yes";
      case "refused":
        if (visibility.isOurFault(asker, access)) return "unavailable";
        await visibility.revoke(asker, access);
        return "no";
      case "unavailable":
        return "unavailable";
      case "missing":
        return visibility.isOurFault(asker, access) ? "unavailable" : "unknown";
      // A login page is answered with 200 too: only a manifest shows that one may be had.
      case "unkept":
        return "unknown";
    }
  }
}
