/**
 * Logins of the operator's that stay at home, since their registry has its tokens from a host that is
 * no pair of its: told once each, with the line that would change it.
 */
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { calledName, type Registry, type RegistryName } from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { ObserveAuth } from "./auth-event.ts";
import type { Credentials } from "./credentials.ts";
import type { RealmPairs } from "./realm-pairs.ts";

export type UnusedLoginsOptions = {
  readonly credentials: Credentials;
  readonly pairs: RealmPairs;
  readonly observe: ObserveAuth;
};

export type UnusedLogin = {
  readonly tokenHost: string;
  /** `AUTH_REALMS="reg.example.com=git.example.com"` */
  readonly line: string;
};

const mostRemembered = 1_000;

export class UnusedLogins {
  readonly #options: UnusedLoginsOptions;
  readonly #told = new BoundedMap<RegistryName, HostPort>({ limit: mostRemembered });

  constructor(options: UnusedLoginsOptions) {
    this.#options = options;
  }

  /** A token is asked for at a host where no login of ours may go: is there one that was meant to? */
  note(registry: Registry, tokenHost: HostPort): void {
    const before = this.#told.get(registry.name);
    const isKnown = before?.host === tokenHost.host && before.port === tokenHost.port;
    if (isKnown || !this.#isUnused(registry, tokenHost)) return;
    this.#told.set(registry.name, tokenHost);
    const name = calledName(registry.name);
    this.#options.observe({
      kind: "loginUnused",
      registry: name,
      tokenHost: formatHostPort(tokenHost, 443),
      write: this.#line(registry, tokenHost),
    });
  }

  /** The one that would open this registry, as far as is known. */
  at(registry: Registry): UnusedLogin | undefined {
    const tokenHost = this.#told.get(registry.name);
    if (tokenHost === undefined || !this.#isUnused(registry, tokenHost)) return undefined;
    return {
      tokenHost: formatHostPort(tokenHost, 443),
      line: this.#line(registry, tokenHost),
    };
  }

  /** Who names the operator's token host as his own is no registry of the operator's for that. */
  #isUnused(registry: Registry, tokenHost: HostPort): boolean {
    const { credentials, pairs } = this.#options;
    if (credentials.believes(registry, tokenHost)) return false;
    if (credentials.hasOwnEntry(registry)) return true;
    return pairs.isNamed(registry.name) && credentials.hasEntryAt(registry, tokenHost);
  }

  #line({ name }: Registry, tokenHost: HostPort): string {
    return this.#options.pairs.settingWith(calledName(name), tokenHost);
  }
}
