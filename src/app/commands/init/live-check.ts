/** Tries a draft as a start would have it: its logins at their registries, and the names that it names. */
import { stringify } from "yaml";
import { systemClock } from "../../../runtime/clock.ts";
import type { Lookup } from "../../../upstream/net/name-lookup.ts";
import { systemLookup } from "../../compose/upstream.ts";
import { loadSettings } from "../../settings/load.ts";
import type { Settings } from "../../settings/settings.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { meantRegistry } from "../meant-registry.ts";
import { type LoginFate, RegistryLook } from "../registry-look.ts";
import type { Draft, OldLogin } from "./draft.ts";

export type LiveCheckParts = {
  /** Its proxies and UPSTREAM_CA count, as they will for a start in this shell. */
  readonly environment: NodeJS.ProcessEnv;
  /** For tests; the system's when left out. */
  readonly lookup?: Lookup | undefined;
};

export type TriedLogin = LoginFate | { readonly kind: "untried"; readonly why: string };

const wayOut = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "UPSTREAM_CA", "UPSTREAM_ALLOW_ADDRESSES"];
/** Milliseconds for one login. */
const patience = 15_000;

export class LiveCheck {
  readonly #parts: LiveCheckParts;

  constructor(parts: LiveCheckParts) {
    this.#parts = parts;
  }

  /** At every registry that it opens: the worst that it comes to. */
  async login(draft: Draft, login: OldLogin): Promise<TriedLogin> {
    const settings = await this.#settingsOf(draft, [login]);
    if (settings === undefined) return { kind: "untried", why: "other settings are wrong" };
    const { environment, lookup } = this.#parts;
    const signal = AbortSignal.timeout(patience);
    const parts = { settings, environment, lookup, signal, now: Date.now };
    const fates = await RegistryLook.with(parts, (look) =>
      Promise.all(
        look
          .registries()
          .filter((registry) => look.hasLogin(registry))
          .map((registry) => look.login(registry)),
      ),
    );
    const untried = { kind: "untried", why: "it belongs to no registry that is named" } as const;
    return fates.find(({ kind }) => kind !== "works") ?? fates[0] ?? untried;
  }

  /** Hosts that no name server knows, with what was probably meant. Behind a proxy names are its business. */
  async unknownNames(
    draft: Draft,
  ): Promise<readonly { readonly host: string; readonly meant: string | undefined }[]> {
    const settings = await this.#settingsOf(draft, []);
    if (settings === undefined || settings.upstream.httpsProxy !== undefined) return [];
    const lookup = this.#parts.lookup ?? systemLookup(systemClock);
    const looked = hostsOf(draft).map(async (host) => {
      const name = host.replace(/^https?:\/\//, "").replace(/:\d+$/, "");
      const code = await lookup(name).then(
        () => undefined,
        (error: unknown) => (error instanceof Error && "code" in error ? error.code : undefined),
      );
      return code === "ENOTFOUND" ? [{ host, meant: meantRegistry(name) }] : [];
    });
    return (await Promise.all(looked)).flat();
  }

  async #settingsOf(draft: Draft, logins: readonly OldLogin[]): Promise<Settings | undefined> {
    const written = stringify({
      ...Object.fromEntries(draft.settings),
      ...(logins.length === 0 ? {} : { auth_registries: logins }),
    });
    try {
      const { settings } = await loadSettings({
        ...{ flags: new Map(), environment: this.#environmentOf(draft), settingsFile: "the draft" },
        readFile: async () => written,
      });
      return settings;
    } catch (error) {
      if (error instanceof SettingsError) return undefined;
      throw error;
    }
  }

  /** What the draft itself says of the way out goes first. */
  #environmentOf({ settings, secrets }: Draft): Record<string, string> {
    const { environment } = this.#parts;
    const own = [...secrets].map(([flag, secret]): [string, string] => [
      flag
        .replace(/-file$/, "")
        .replaceAll("-", "_")
        .toUpperCase(),
      secret,
    ]);
    const said = new Set([...settings.keys()].map((key) => key.toUpperCase()));
    const inherited = wayOut.flatMap((name): [string, string][] => {
      const value = environment[name] ?? environment[name.toLowerCase()];
      return value === undefined || said.has(name) ? [] : [[name, value]];
    });
    return Object.fromEntries([...inherited, ...own]);
  }
}

/** Where images come from, and where logins go; patterns stand for many. */
function hostsOf({ settings, logins }: Draft): readonly string[] {
  const registries = settings.get("registries");
  const mirrored = settings.get("mirror_hosts");
  const all = [
    ...(Array.isArray(registries) ? registries : []),
    ...(typeof mirrored === "object" && mirrored !== null ? Object.values(mirrored) : []),
    settings.get("mirror_default"),
    ...logins.map(({ host }) => host),
  ].filter((one) => typeof one === "string" && !one.includes("*") && !one.includes("?"));
  return [...new Set(all as string[])];
}
