/**
 * Who has a login here. A right one is remembered for five minutes by its HMAC, wrong ones are counted
 * by address, and a user that does not exist costs as much time as one that does.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { UserAndPassword } from "../protocol/http/basic-auth.ts";
import { headerList } from "../protocol/http/header-list.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import { BoundedMap } from "../runtime/bounded-map.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Htpasswd, PasswordHash } from "./htpasswd.ts";

export type LoginsParts = {
  /** Undefined where nobody has a login. */
  readonly htpasswd: Htpasswd | undefined;
  /** Whether the password fits the hash; takes its time. */
  readonly isRight: (password: string, hash: PasswordHash) => Promise<boolean>;
  readonly clock: Clock;
};

type Failures = { readonly count: number; readonly since: number };

const remembered = 300_000;
const mostFailures = 10;
const failureWindow = 60_000;
/** Of a password that nobody has, for a file without any. */
const nobody: PasswordHash = {
  kind: "bcrypt",
  text: "$2y$10$8K1p/a0dL1LXMIgoEDFrwOfMQkLgp6Xt0hS1Yq3K3yZ5v3m1i1y1S",
};

export class Logins {
  readonly #parts: LoginsParts;
  readonly #key = randomBytes(32);
  #htpasswd: Htpasswd | undefined;
  #right = new BoundedMap<string, number>({ limit: 10_000 });
  readonly #failures = new BoundedMap<string, Failures>({ limit: 10_000 });

  constructor(parts: LoginsParts) {
    this.#parts = parts;
    this.#htpasswd = parts.htpasswd;
  }

  /** Whether there are logins at all. */
  get areKept(): boolean {
    return this.#htpasswd !== undefined;
  }

  has(user: string): boolean {
    return this.#htpasswd?.has(user) === true;
  }

  /** Takes up another file; what was verified before is verified anew. */
  change(htpasswd: Htpasswd | undefined): void {
    this.#htpasswd = htpasswd;
    this.#right = new BoundedMap<string, number>({ limit: 10_000 });
  }

  /** Throws RegistryError TOOMANYREQUESTS for an address with too many wrong ones. */
  async verify({ user, password }: UserAndPassword, address: string): Promise<boolean> {
    const htpasswd = this.#htpasswd;
    if (htpasswd === undefined) return false;
    const mark = createHmac("sha256", this.#key).update(`${user}\n${password}`).digest("base64");
    const until = this.#right.get(mark) ?? 0;
    if (until > this.#parts.clock.steady()) return true;
    this.#letTry(address);
    const hash = htpasswd.get(user);
    const isRight = await this.#parts.isRight(password, hash ?? this.#standIn(user, htpasswd));
    if (hash === undefined || !isRight) {
      this.#failed(address);
      return false;
    }
    // A file that changed meanwhile decides anew.
    if (this.#htpasswd === htpasswd) this.#right.set(mark, this.#parts.clock.steady() + remembered);
    return true;
  }

  /** A hash of the file, always the same for this name: it takes the time that names there take. */
  #standIn(user: string, htpasswd: Htpasswd): PasswordHash {
    const place = createHmac("sha256", this.#key).update(user).digest().readUInt32BE();
    return [...htpasswd.values()][place % Math.max(1, htpasswd.size)] ?? nobody;
  }

  #letTry(address: string): void {
    const failures = this.#recent(address);
    if (failures === undefined || failures.count < mostFailures) return;
    const wait = Math.ceil((failures.since + failureWindow - this.#parts.clock.steady()) / 1000);
    const sentence = `too many wrong logins from ${address}; try again in ${wait} s`;
    throw new RegistryError("TOOMANYREQUESTS", sentence, {
      headers: headerList({ "retry-after": String(wait) }),
    });
  }

  #failed(address: string): void {
    const { count, since } = this.#recent(address) ?? {
      count: 0,
      since: this.#parts.clock.steady(),
    };
    this.#failures.set(address, { count: count + 1, since });
  }

  #recent(address: string): Failures | undefined {
    const failures = this.#failures.get(address);
    const isOver =
      failures !== undefined && this.#parts.clock.steady() - failures.since > failureWindow;
    return isOver ? undefined : failures;
  }
}
