/**
 * One login of the operator's, or of a client that gave it to us. `attachTo` is the only way its secret leaves this file, and it refuses
 * every destination but the configured host and port, or its pair, over verified https.
 */

import { type Pattern, parseGlob } from "../../protocol/glob.ts";
import { printBasic } from "../../protocol/http/basic-auth.ts";
import type { HostPort } from "../../protocol/http/host-port.ts";
import {
  type Registry,
  type RegistryName,
  registryNameOf,
  type Scheme,
} from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { ObserveAuth } from "./auth-event.ts";
import { type AskHelper, HelperLogin, type KeptLogin } from "./helper-login.ts";
import type { RealmPairs } from "./realm-pairs.ts";

export type Login =
  | KeptLogin
  /** `docker-credential-NAME`, asked for `server` whenever the last answer has grown old. */
  | { readonly kind: "helper"; readonly helper: string; readonly server: string };

export type CredentialEntry = {
  readonly address: HostPort;
  /** Globs; without them it serves every repository. */
  readonly repositories?: readonly string[];
  readonly login: Login;
};

/** One HTTP request about to be made for a registry: to itself, or to its token service. */
export type Destination = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  readonly registry: Registry;
};

/** A secret made ready for one request: a header for GET, form fields for POST. */
export type Attached = {
  readonly authorization: string | undefined;
  readonly form: Readonly<Record<string, string>>;
};

export type CredentialParts = {
  readonly id: string;
  /** A client's own login, for as long as one exchange takes. */
  readonly isClients?: boolean;
  readonly pairs: RealmPairs;
  /** False for hosts whose certificates are not checked. */
  readonly isVerified: (address: HostPort) => boolean;
  readonly askHelper: AskHelper;
  readonly now: () => number;
  readonly observe: ObserveAuth;
};

const refusedAge = 60_000;
const refusals = () => new BoundedMap<string, number>({ limit: 1_000 });

export class Credential {
  readonly host: RegistryName;
  readonly #parts: CredentialParts;
  readonly #repositories: readonly Pattern[];
  readonly #login: KeptLogin | HelperLogin;
  #refusedAt: number | undefined;
  /** The clients whose asks alone speak against it, and since when. */
  #refusedTo = refusals();
  #acceptedAt = Number.NEGATIVE_INFINITY;
  #workedAt = Number.NEGATIVE_INFINITY;
  #isRefusalTold = false;

  constructor(entry: CredentialEntry, parts: CredentialParts) {
    this.host = registryNameOf(entry.address);
    this.#parts = parts;
    this.#repositories = (entry.repositories ?? []).map(parseGlob);
    const { login } = entry;
    this.#login = login.kind === "helper" ? new HelperLogin({ ...parts, ...login }) : login;
  }

  /** The same as long as nothing of the credential changes; says nothing about its secret. */
  get id(): string {
    return this.#parts.id;
  }

  /** Of a client of ours, not the operator's. */
  get isClients(): boolean {
    return this.#parts.isClients === true;
  }

  get isForAllRepositories(): boolean {
    return this.#repositories.length === 0;
  }

  serves(repository: string | undefined): boolean {
    if (this.isForAllRepositories) return true;
    return this.#repositories.some((glob) => repository !== undefined && glob.test(repository));
  }

  /** Refused, and not yet seen to work again. */
  get isRefused(): boolean {
    return this.#isRefusalTold;
  }

  /** Whether to use it now: a refused one is given another chance once a minute, to one caller. */
  mayBeTried(): boolean {
    if (this.#refusedAt === undefined) return true;
    if (this.#parts.now() - this.#refusedAt < refusedAge) return false;
    this.#refusedAt = this.#parts.now();
    return true;
  }

  /** The same where success is not reported: after a minute no news is good news. */
  mayBeTriedByAll(client?: string): boolean {
    const refusedAt = client === undefined ? undefined : this.#refusedTo.get(client);
    if (refusedAt !== undefined && this.#parts.now() - refusedAt < refusedAge) return false;
    if (!this.mayBeTried()) return false;
    this.#refusedAt = undefined;
    return true;
  }

  wasAcceptedWithin(milliseconds: number): boolean {
    return this.#parts.now() - this.#acceptedAt < milliseconds;
  }

  /** Something was got with it, which may have been everybody's. */
  noteWorked(): void {
    this.#workedAt = this.#parts.now();
  }

  workedWithin(milliseconds: number): boolean {
    return this.#parts.now() - this.#workedAt < milliseconds;
  }

  /** For everybody, or for that client alone. */
  markRefused(client?: string): void {
    if (client === undefined) this.#refusedAt = this.#parts.now();
    else this.#refusedTo.set(client, this.#parts.now());
    this.#acceptedAt = Number.NEGATIVE_INFINITY;
    if (this.#isRefusalTold) return;
    this.#isRefusalTold = true;
    this.#parts.observe({ kind: "credentialRefused", host: this.host, credential: this.id });
  }

  markAccepted(): void {
    this.#refusedAt = undefined;
    this.#refusedTo = refusals();
    this.#acceptedAt = this.#parts.now();
    if (!this.#isRefusalTold) return;
    this.#isRefusalTold = false;
    this.#parts.observe({ kind: "credentialAccepted", host: this.host, credential: this.id });
  }

  /** The secret for this one request; undefined where it may not go, or while a helper has none. */
  async attachTo(to: Destination, signal: AbortSignal): Promise<Attached | undefined> {
    if (!this.#mayGoTo(to)) return undefined;
    const kept = this.#login;
    const login = kept instanceof HelperLogin ? await kept.current(signal) : kept;
    if (login === undefined) return undefined;
    if (login.kind === "identity") {
      const form = { grant_type: "refresh_token", refresh_token: login.token };
      return { authorization: undefined, form };
    }
    const { user, password } = login;
    const form = { grant_type: "password", username: user, password };
    return { authorization: printBasic({ user, password }), form };
  }

  /** Grows with every other login that a helper gives. */
  get version(): number {
    return this.#login instanceof HelperLogin ? this.#login.version : 0;
  }

  /** The login of that version was refused: true once there is another one, from a helper. */
  async refresh(version: number, signal: AbortSignal): Promise<boolean> {
    return this.#login instanceof HelperLogin && this.#login.refresh(version, signal);
  }

  #mayGoTo(to: Destination): boolean {
    if (to.scheme !== "https" || to.registry.scheme !== "https") return false;
    if (!this.#parts.isVerified(to.address)) return false;
    const host = registryNameOf(to.address);
    const isOwn = host === this.host || to.registry.name === this.host;
    return isOwn && this.#parts.pairs.arePaired(to.registry.name, to.address);
  }
}
