/**
 * One login of the operator's. `attachTo` is the only way its secret leaves this file, and it refuses
 * every destination but the configured host and port, or its pair, over verified https.
 */

import { globExpression } from "../../protocol/glob.ts";
import { printBasic } from "../../protocol/http/basic-auth.ts";
import type { HostPort } from "../../protocol/http/host-port.ts";
import {
  type Registry,
  type RegistryName,
  registryNameOf,
  type Scheme,
} from "../../protocol/registry-name.ts";
import { unlessAborted } from "../flights.ts";
import type { ObserveAuth } from "./auth-event.ts";
import type { HelperAnswer } from "./credential-helper.ts";
import type { RealmPairs } from "./realm-pairs.ts";

export type Login =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  /** What `docker login` keeps as identitytoken: a refresh token, good only in a POST. */
  | { readonly kind: "identity"; readonly token: string }
  /** `docker-credential-NAME`, asked for `server` whenever the last answer has grown old. */
  | { readonly kind: "helper"; readonly helper: string; readonly server: string };

type HelperLogin = Extract<Login, { kind: "helper" }>;
type KeptLogin = Exclude<Login, HelperLogin>;

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
  readonly pairs: RealmPairs;
  /** False for hosts whose certificates are not checked. */
  readonly isVerified: (address: HostPort) => boolean;
  /** Runs on its own time: several requests may be waiting for its answer. */
  readonly askHelper: (helper: string, server: string) => Promise<HelperAnswer | undefined>;
  readonly now: () => number;
  readonly observe: ObserveAuth;
};

/** A helper's answer is believed so long: Amazon's lasts 12 h, Google's 1 h, counted from their own cache. */
const helperAnswerAge = 15 * 60_000;
const helperFailureAge = 60_000;
const refusedAge = 60_000;

export class Credential {
  readonly host: RegistryName;
  readonly #entry: CredentialEntry;
  readonly #parts: CredentialParts;
  readonly #repositories: readonly RegExp[];
  #answer: { readonly login: KeptLogin; readonly until: number } | undefined;
  #asking: Promise<void> | undefined;
  #helperFailedAt = Number.NEGATIVE_INFINITY;
  #refusedAt: number | undefined;
  #acceptedAt = Number.NEGATIVE_INFINITY;
  #isRefusalTold = false;

  constructor(entry: CredentialEntry, parts: CredentialParts) {
    this.host = registryNameOf(entry.address);
    this.#entry = entry;
    this.#parts = parts;
    this.#repositories = (entry.repositories ?? []).map(globExpression);
  }

  /** The same as long as nothing of the credential changes; says nothing about its secret. */
  get id(): string {
    return this.#parts.id;
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
  mayBeTriedByAll(): boolean {
    if (!this.mayBeTried()) return false;
    this.#refusedAt = undefined;
    return true;
  }

  wasAcceptedWithin(milliseconds: number): boolean {
    return this.#parts.now() - this.#acceptedAt < milliseconds;
  }

  markRefused(): void {
    this.#refusedAt = this.#parts.now();
    this.#acceptedAt = Number.NEGATIVE_INFINITY;
    if (this.#isRefusalTold) return;
    this.#isRefusalTold = true;
    this.#parts.observe({ kind: "credentialRefused", host: this.host, credential: this.id });
  }

  markAccepted(): void {
    this.#refusedAt = undefined;
    this.#acceptedAt = this.#parts.now();
    if (!this.#isRefusalTold) return;
    this.#isRefusalTold = false;
    this.#parts.observe({ kind: "credentialAccepted", host: this.host, credential: this.id });
  }

  /** The secret for this one request; undefined where it may not go, or while a helper has none. */
  async attachTo(to: Destination, signal: AbortSignal): Promise<Attached | undefined> {
    if (!this.#mayGoTo(to)) return undefined;
    const login = await this.#login(signal);
    if (login === undefined) return undefined;
    if (login.kind === "identity") {
      const form = { grant_type: "refresh_token", refresh_token: login.token };
      return { authorization: undefined, form };
    }
    const { user, password } = login;
    const form = { grant_type: "password", username: user, password };
    return { authorization: printBasic({ user, password }), form };
  }

  /** Asks the helper again; true when it has another login than before. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    if (this.#entry.login.kind !== "helper") return false;
    const before = JSON.stringify(this.#answer?.login);
    await unlessAborted(this.#ask(this.#entry.login), signal, this.host);
    return this.#answer !== undefined && JSON.stringify(this.#answer.login) !== before;
  }

  #mayGoTo(to: Destination): boolean {
    if (to.scheme !== "https" || to.registry.scheme !== "https") return false;
    if (!this.#parts.isVerified(to.address)) return false;
    const host = registryNameOf(to.address);
    const isOwn = host === this.host || to.registry.name === this.host;
    return isOwn && this.#parts.pairs.arePaired(to.registry.name, to.address);
  }

  async #login(signal: AbortSignal): Promise<KeptLogin | undefined> {
    const { login } = this.#entry;
    if (login.kind !== "helper") return login;
    if ((this.#answer?.until ?? 0) <= this.#parts.now()) {
      await unlessAborted(this.#ask(login), signal, this.host);
    }
    return this.#answer?.login;
  }

  /** One process at a time; an old answer outlives a helper that fails. */
  async #ask(login: HelperLogin): Promise<void> {
    if (this.#parts.now() - this.#helperFailedAt < helperFailureAge) return;
    this.#asking ??= this.#askOnce(login).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #askOnce(login: HelperLogin): Promise<void> {
    const { askHelper, now, observe } = this.#parts;
    try {
      const answer = await askHelper(login.helper, login.server);
      if (answer === undefined) this.#answer = undefined;
      else this.#answer = { login: loginOf(answer), until: now() + helperAnswerAge };
    } catch (error) {
      this.#helperFailedAt = now();
      const reason = error instanceof Error ? error.message : "failed";
      observe({ kind: "credentialHelperFailed", helper: login.helper, reason });
    }
  }
}

/** Helpers mark a refresh token by this user (docker-credential-helpers, README). */
function loginOf(answer: HelperAnswer): KeptLogin {
  const { user, secret } = answer;
  if (user === "<token>") return { kind: "identity", token: secret };
  return { kind: "password", user, password: secret };
}
