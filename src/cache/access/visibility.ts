/**
 * Who may have what a repository holds: everybody when it is public or opened by the operator's
 * credential, otherwise only who the upstream lets in. Answered from memory; unknown means no.
 */
import { createHmac } from "node:crypto";
import type { Digest } from "../../protocol/digest.ts";
import {
  parseReference,
  printReference,
  type Reference,
  type RepositoryName,
} from "../../protocol/reference.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { Allowance } from "../../runtime/allowance.ts";
import type { Generation } from "../../runtime/generation.ts";
import type { Json, RecordStore } from "../../store/record-store.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { Observe, VisibilityName } from "../cache-event.ts";
import { CachedRecords } from "../cached-records.ts";
import type { AgingRecords } from "../keeping/record-aging.ts";
import {
  accountOf,
  type RepositoryRef,
  repositoryKey,
  repositoryNames,
} from "../repository-ref.ts";
import type { Decision, Openness } from "../why.ts";
import { Grants } from "./grants.ts";
import {
  aged,
  nameOf,
  type Opening,
  readStanding,
  renewedAt,
  type SharedCredential,
  type Standing,
  standingPrefix,
  type VisibilityProof,
  youngOf,
} from "./standing.ts";

/** Who asks, and where. */
export type RepositoryAsker = RepositoryRef & {
  readonly access: Access;
  readonly isPublicOnly?: boolean;
  /** Hears what the registry says of it. */
  readonly decision?: Decision;
};

export type VisibilityOptions = {
  readonly records: RecordStore;
  readonly newRecords?: Pick<Allowance, "take"> | undefined;
  readonly generation?: Pick<Generation, "raise"> | undefined;
  readonly observe: Observe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The operator's credential for a repository, if there is one. */
  readonly credentialOf: (
    registry: Registry,
    repository: RepositoryName,
  ) => SharedCredential | undefined;
  /** Keys the digests of clients' Authorization fields, so that none is kept. */
  readonly secret: Uint8Array;
  /** Milliseconds; an hour. */
  readonly proofLife?: number;
  /** Milliseconds; a minute. */
  readonly grantLife?: number;
};

/** How to renew a proof that has grown old. */
export type Renewal = { readonly access: Access; readonly witness: Reference };

const anonymous: Access = { kind: "anonymous" };
const shared: Access = { kind: "shared" };

export class Visibility {
  readonly #options: VisibilityOptions;
  readonly #standings: CachedRecords<Standing>;
  readonly #grants: Grants;

  constructor(options: VisibilityOptions) {
    this.#options = options;
    const { records, observe, newRecords, generation, now, grantLife: life = 60_000 } = options;
    this.#grants = new Grants({ now, life, generation });
    const print = (standing: Standing): Json => JSON.parse(JSON.stringify(standing)) as Json;
    this.#standings = new CachedRecords({
      ...{ records, observe, newRecords, generation, prefix: standingPrefix, print },
      read: readStanding,
      limit: 50_000,
    });
  }

  /** Whether this asker may have it without anybody being asked. */
  async may(asker: RepositoryAsker, digest?: Digest): Promise<boolean> {
    return ((await this.opennessTo(asker, digest)) ?? "old") !== "old";
  }

  /** By what this asker may have it, as far as is known without asking anybody. */
  async opennessTo(asker: RepositoryAsker, digest?: Digest): Promise<Openness> {
    const proofs = await this.#proofs(asker);
    const young = youngOf(proofs, this.#options);
    if (young !== undefined) return young.access.kind === "shared" ? "shared" : "public";
    if (this.#grants.has(this.#askerKey(asker), digest)) return "client";
    return proofs.length > 0 ? "old" : undefined;
  }

  /** Until when that is so, if nothing is taken back: the end of the proof, or of what was granted. */
  async openUntil(asker: RepositoryAsker, digest?: Digest): Promise<number> {
    const young = youngOf(await this.#proofs(asker), this.#options);
    return young?.until ?? this.#grants.until(this.#askerKey(asker), digest);
  }

  /** Whether this asker may have it while the upstream cannot be asked: old proofs stand. */
  async mayWhileUnreachable(asker: RepositoryAsker, digest?: Digest): Promise<boolean> {
    return (
      (await this.#proofs(asker)).length > 0 || this.#grants.has(this.#askerKey(asker), digest)
    );
  }

  /** With whom to ask whether an old proof still holds. */
  async renewals(asker: RepositoryAsker): Promise<readonly Renewal[]> {
    const renewals: Renewal[] = [];
    for (const { access, proof } of await this.#proofs(asker)) {
      const witness = parseReference(proof.witness);
      if (witness !== undefined) renewals.push({ access, witness });
    }
    return renewals;
  }

  /** In whose names to ask upstream, in this order, until one is not refused. */
  async accesses(asker: RepositoryAsker): Promise<readonly Access[]> {
    const own = asker.access;
    const list = new Map<string, Access>();
    if (own.kind !== "shared")
      for (const { access } of await this.#proofs(asker)) list.set(access.kind, access);
    list.set(own.kind, own);
    const mayTryShared = own.kind === "client" && asker.isPublicOnly !== true;
    if (mayTryShared && this.#credential(asker) !== undefined) list.set("shared", shared);
    return [...list.values()].map((one) => (one === own ? own : { ...one, from: own.from }));
  }

  /** The upstream gave a manifest to this access: that speaks for the whole repository. */
  async grant(ref: RepositoryRef, access: Access, witness: Reference): Promise<void> {
    if (access.kind === "client") {
      this.#grants.open(this.#askerKey({ ...ref, access }), access.from);
      return;
    }
    const proof: VisibilityProof = { at: this.#options.now(), witness: printReference(witness) };
    const credential = this.#credential(ref);
    // Without any Authorization is as anonymous as can be.
    const own = { ...ref, access };
    if (access.kind !== "shared") await this.#change(own, { public: proof });
    else if (credential !== undefined)
      await this.#change(own, { shared: { ...proof, credential: credential.id } });
  }

  /** The upstream gave a blob to this access: that speaks for the blob alone. */
  grantBlob(ref: RepositoryRef, access: Access, digest: Digest): void {
    this.#grants.openBlob(this.#askerKey({ ...ref, access }), digest, access.from);
  }

  /** The upstream refused this access with 401 or 403: proofs made with it are withdrawn at once. */
  async revoke(ref: RepositoryRef, access: Access): Promise<void> {
    this.#grants.withdraw(this.#askerKey({ ...ref, access }));
    const closed = { imported: undefined };
    if (access.kind === "anonymous") await this.#change(ref, { public: undefined, ...closed });
    if (access.kind === "shared" && !this.isOurFault(ref, access))
      await this.#change(ref, { shared: undefined, ...closed });
  }

  /** The operator puts an image of it here: that speaks for no other, and until the registry does. */
  imported(ref: RepositoryRef): Promise<void> {
    return this.#change(ref, { imported: { at: this.#options.now() } });
  }

  /** Whether what was imported of it is open to this asker while the upstream cannot be asked. */
  async isImported(asker: RepositoryAsker): Promise<boolean> {
    if (asker.isPublicOnly === true) return false;
    return (await this.#standings.get(repositoryKey(asker)))?.imported !== undefined;
  }

  /**
   * A 401 or 403 that may come from a storage host behind the registry: proofs made with this access
   * are renewed before they count again.
   */
  async expire(ref: RepositoryRef, access: Access): Promise<void> {
    const { kind } = access;
    if ((kind !== "anonymous" && kind !== "shared") || this.isOurFault(ref, access)) return;
    await this.#standings.update(repositoryKey(ref), (before) => aged(before, kind));
  }

  /** A refusal of the operator's broken credential says nothing about the image. */
  isOurFault(ref: RepositoryRef, access: Access): boolean {
    return access.kind === "shared" && this.#credential(ref)?.isRefused === true;
  }

  /** Whether this is the access that opened the repository to everybody: its 404 is everybody's too. */
  async speaksForAll(ref: RepositoryRef, access: Access): Promise<boolean> {
    if (this.isOurFault(ref, access)) return false;
    const proofs = await this.#proofs({ ...ref, access });
    return proofs.some((one) => one.access.kind === access.kind);
  }

  /** In what names the repository is open to this asker, whatever the age of the proofs. */
  async openNames(asker: RepositoryAsker): Promise<readonly string[]> {
    const proofs = await this.#proofs(asker);
    return proofs.flatMap(({ access }) => this.openName(asker, access) ?? []);
  }

  /** The name of an access that can open a repository to others; the operator's login is one each. */
  openName(ref: RepositoryRef, access: Access): string | undefined {
    if (access.kind === "client") return undefined;
    if (access.kind !== "shared") return anonymous.kind;
    const credential = this.#credential(ref);
    return credential && `shared ${credential.id}`;
  }

  /** Who may have what it holds, as far as is proven. */
  async nameOf(ref: RepositoryRef): Promise<VisibilityName> {
    return nameOf(await this.#standings.get(repositoryKey(ref)));
  }

  async isPublic(key: string): Promise<boolean> {
    return (await this.#standings.get(key))?.public !== undefined;
  }

  /** The name under which answers to this access may be shared; the Authorization cannot be read back. */
  accessKey(access: Access): string {
    if (access.kind !== "client") return access.kind;
    const hmac = createHmac("sha256", this.#options.secret).update(access.authorization);
    return `client:${hmac.digest("base64url")}`;
  }

  /** Its records, and when each repository was last shown to be open. */
  aging(): AgingRecords {
    return {
      prefix: standingPrefix,
      renewedAt: (value) => renewedAt(readStanding(value)),
      forget: (key) => this.#standings.forget(key),
    };
  }

  flush(): Promise<void> {
    return this.#standings.flush();
  }

  /** What opens the repository to this asker, whatever its age. */
  async #proofs(asker: RepositoryAsker): Promise<Opening[]> {
    const key = repositoryKey(asker);
    const { isKnown, fact } = this.#standings.peek(key);
    const standing = isKnown ? fact : await this.#standings.get(key, accountOf(asker));
    const proofs: Opening[] = [];
    if (standing?.public !== undefined) proofs.push({ access: anonymous, proof: standing.public });
    const proof = asker.isPublicOnly === true ? undefined : standing?.shared;
    if (proof !== undefined && proof.credential === this.#credential(asker)?.id)
      proofs.push({ access: shared, proof });
    return proofs;
  }

  #credential(ref: RepositoryRef): SharedCredential | undefined {
    return this.#options.credentialOf(ref.registry, ref.repository);
  }

  #askerKey(asker: RepositoryAsker): string {
    return `${repositoryKey(asker)}\n${this.accessKey(asker.access)}`;
  }

  async #change(ref: RepositoryRef, change: Standing): Promise<void> {
    const changed = (before: Standing | undefined): Standing | undefined => {
      const after = { ...before, ...change };
      const [from, to] = [nameOf(before), nameOf(after)];
      const saysNothing = to === "client" && after.imported === undefined;
      if (before === undefined && saysNothing) return undefined;
      if (from !== to)
        this.#options.observe({ kind: "visibilityChanged", ...repositoryNames(ref), from, to });
      return after;
    };
    await this.#standings.update(repositoryKey(ref), changed, accountOf(ref));
  }
}
