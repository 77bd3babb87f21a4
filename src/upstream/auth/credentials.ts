/**
 * All logins of the operator's, found by registry. They can be replaced while running: what stayed the
 * same keeps what is known of it, what changed starts anew.
 */
import { createHmac } from "node:crypto";
import { parseBasic } from "../../protocol/http/basic-auth.ts";
import type { HostPort } from "../../protocol/http/host-port.ts";
import {
  type Registry,
  type RegistryName,
  registryAddress,
  registryNameOf,
} from "../../protocol/registry-name.ts";
import type { ObserveAuth } from "./auth-event.ts";
import { refuseDuplicates } from "./auth-registries.ts";
import { Credential, type CredentialEntry } from "./credential.ts";
import type { AskHelper } from "./helper-login.ts";
import type { RealmPairs } from "./realm-pairs.ts";

export type CredentialsOptions = {
  readonly entries: readonly CredentialEntry[];
  readonly pairs: RealmPairs;
  /** Keys the ids of credentials, so that they can be kept on disk. */
  readonly secret: Uint8Array;
  readonly askHelper: AskHelper;
  /** Registries whose clients log in themselves (`own_login`). */
  readonly ownLogin?: ReadonlySet<RegistryName>;
  /** Whether the host's certificate is checked; where it is not, no secret goes. */
  readonly isVerified?: (address: HostPort) => boolean;
  readonly now: () => number;
  readonly observe: ObserveAuth;
};

export class Credentials {
  readonly #options: CredentialsOptions;
  #byHost: ReadonlyMap<RegistryName, readonly Credential[]> = new Map();

  /** Throws CredentialError DUPLICATE. */
  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.replace(options.entries);
  }

  /** These and no others from now on. Throws CredentialError DUPLICATE, and then nothing changes. */
  replace(entries: readonly CredentialEntry[]): void {
    refuseDuplicates(entries);
    const before = new Map([...this.#byHost.values()].flat().map((one) => [one.id, one]));
    const byHost = new Map<RegistryName, Credential[]>();
    for (const entry of entries) {
      const id = this.#idOf(entry);
      const credential = before.get(id) ?? this.#make(entry, id);
      const others = byHost.get(credential.host) ?? [];
      byHost.set(credential.host, [...others, credential]);
    }
    for (const list of byHost.values()) {
      list.sort(
        (one, other) => Number(one.isForAllRepositories) - Number(other.isForAllRepositories),
      );
    }
    this.#byHost = byHost;
  }

  /** Whether there is one for this registry or its token host, refused or not. */
  has(registry: Registry): boolean {
    if (!this.#mayServe(registry)) return false;
    if (this.#byHost.has(registry.name)) return true;
    const { pairs } = this.#options;
    return [...this.#byHost.keys()].some((host) =>
      pairs.arePaired(registry.name, registryAddress(host)),
    );
  }

  /** Whether tokens of this registry may come from there. */
  believes(registry: Registry, tokenHost: HostPort): boolean {
    return this.#options.pairs.arePaired(registry.name, tokenHost);
  }

  /** For a token service: its host's own entry, or else the registry's. Only of a believed pair. */
  forRealm(
    registry: Registry,
    tokenHost: HostPort,
    repository: string | undefined,
  ): Credential | undefined {
    if (!this.#mayServe(registry)) return undefined;
    if (!this.#options.pairs.arePaired(registry.name, tokenHost)) return undefined;
    return (
      this.#find(registryNameOf(tokenHost), repository) ?? this.#find(registry.name, repository)
    );
  }

  /** For a registry that speaks Basic: its own entry alone. */
  forRegistry(registry: Registry, repository: string | undefined): Credential | undefined {
    return this.#mayServe(registry) ? this.#find(registry.name, repository) : undefined;
  }

  /**
   * A client's own login at a registry, for one exchange with a token service; undefined where that is
   * no pair of the registry's, or where it is no user and password.
   */
  ofClient(registry: Registry, authorization: string, tokenHost: HostPort): Credential | undefined {
    const login = parseBasic(authorization);
    if (login === undefined || !this.believes(registry, tokenHost)) return undefined;
    const address = registryAddress(registry.name);
    const entry: CredentialEntry = { address, login: { kind: "password", ...login } };
    return this.#make(entry, `client ${this.#idOf(entry)}`, true);
  }

  /** Whether the registry itself, not its token host, has an entry: how it wants it is then worth finding out. */
  hasOwnEntry(registry: Registry): boolean {
    return this.#mayServe(registry) && this.#byHost.has(registry.name);
  }

  /** Whether the host that this registry's tokens come from has an entry, be it a pair of its or not. */
  hasEntryAt(registry: Registry, tokenHost: HostPort): boolean {
    return this.#mayServe(registry) && this.#byHost.has(registryNameOf(tokenHost));
  }

  /** Those that were refused and have not worked since: what `/readyz` calls degraded. */
  refused(): readonly { readonly host: RegistryName; readonly id: string }[] {
    return [...this.#byHost.values()]
      .flat()
      .filter((credential) => credential.isRefused)
      .map(({ host, id }) => ({ host, id }));
  }

  #mayServe(registry: Registry): boolean {
    return registry.scheme === "https" && this.#options.ownLogin?.has(registry.name) !== true;
  }

  #find(host: RegistryName, repository: string | undefined): Credential | undefined {
    return this.#byHost.get(host)?.find((credential) => credential.serves(repository));
  }

  #make(entry: CredentialEntry, id: string, isClients = false): Credential {
    const { pairs, askHelper, now, observe, isVerified = () => true } = this.#options;
    return new Credential(entry, { id, isClients, pairs, isVerified, askHelper, now, observe });
  }

  #idOf(entry: CredentialEntry): string {
    const text = JSON.stringify([registryNameOf(entry.address), entry.repositories, entry.login]);
    return createHmac("sha256", this.#options.secret).update(text).digest("hex").slice(0, 32);
  }
}
