/**
 * The whole program in this process, over registries of the test's own: real doors, store and upstream
 * on loopback; only names and clocks are the test's. A scene closes itself when its test ends; one made
 * outside a test is closed by whoever made it.
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Application, World } from "../../../src/app/application.ts";
import { compose } from "../../../src/app/compose.ts";
import { createLog } from "../../../src/app/log.ts";
import { loadSettings } from "../../../src/app/settings/load.ts";
import { describeSettings } from "../../../src/app/settings/redact.ts";
import type { FileSystem } from "../../../src/store/disk/file-system.ts";
import type { Lookup } from "../../../src/upstream/net/name-lookup.ts";
import { makeAuthority } from "../../support/certificates.ts";
import {
  type FakeRegistry,
  type FakeRegistryOptions,
  startFakeRegistry,
} from "../../support/fake-registry.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import type { Door } from "./client.ts";

type Texts = Readonly<Record<string, string>>;

export type Program = Door & {
  readonly dataDir: string;
  /** Of the back office; 0 where there is none. */
  readonly adminPort: number;
  /** Every line of the log at its most talkative, with nothing masked. */
  readonly lines: readonly string[];
  /** What its operator is told of when it starts. */
  readonly warnings: readonly string[];
  /** As a signal does it, when these settings have changed. */
  readonly reload: (changed: Texts) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** A registry that is known under a name; `name` has its port. */
export type NamedRegistry = { readonly name: string; readonly server: FakeRegistry };

export type RegistryOptions = Omit<FakeRegistryOptions, "tls" | "auth"> & {
  /** Given the registry's own origin, for realms. */
  readonly auth?: (origin: string) => FakeRegistryOptions["auth"];
  readonly isPlain?: boolean;
};

export class Scene {
  /** What the program's resolver says; a name that is not here does not exist. */
  readonly names = new Map<string, readonly string[] | (() => readonly string[])>();
  /** Runs ahead of the machine's by so much. */
  aheadMs = 0;
  /** The wall clock alone was set forward by so much, or back: what a running program waits for goes on. */
  jumpMs = 0;
  /** The program's wall clock, when it is the test's altogether. */
  now: (() => number) | undefined;
  /** Where the program's blobs lie, when not simply in the folder. */
  fs: FileSystem | undefined;
  readonly folder: string;
  readonly #authority = makeAuthority();
  readonly #closing: (() => Promise<void>)[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Scene> {
    const scene = new Scene(await temporaryFolder());
    await writeFile(join(scene.folder, "upstream-ca.pem"), scene.#authority.ca);
    try {
      onTestFinished(() => scene.close());
    } catch {
      // Vitest throws when no test is running, as in beforeAll: the caller closes it then.
    }
    return scene;
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
  }

  /** Certificates that the program trusts. */
  issue(...names: readonly string[]) {
    return this.#authority.issue(names);
  }

  async registry(host: string, options: RegistryOptions = {}): Promise<NamedRegistry> {
    const { isPlain = false, auth, ...rest } = options;
    const port = rest.port ?? (await freePort());
    const origin = `${isPlain ? "http" : "https"}://${host}:${port}`;
    const server = await startFakeRegistry({
      ...{ ...rest, port },
      ...(isPlain ? {} : { tls: this.#authority.issue([host]) }),
      ...(auth === undefined ? {} : { auth: auth(origin) ?? { kind: "none" } }),
    });
    this.names.set(host, [server.address.host]);
    this.#closing.push(() => server.close());
    return { name: `${host}:${port}`, server };
  }

  /** Starts the program; its registries may be on loopback unless the settings say otherwise. */
  async start(settings: Texts = {}, world: Partial<World> = {}): Promise<Program> {
    const port = Number(settings.PORT ?? (await freePort()));
    const environment = {
      ...{ HOST: "127.0.0.1", PORT: String(port), ADMIN_PORT: String(await freePort()) },
      ...{ DATA_DIR: join(this.folder, "data"), UPSTREAM_CA: join(this.folder, "upstream-ca.pem") },
      ...{ UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8", ...settings },
    };
    const load = async (changed: Texts = {}) => {
      return await loadSettings({
        ...{ flags: new Map(), environment: { ...environment, ...changed } },
        settingsFile: settings.CONFIG_FILE,
        readFile: (path) => readFile(path, "utf8"),
      });
    };
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const log = createLog({
      level: "debug",
      format: "json",
      hasColours: false,
      secrets: [],
      write,
    });
    // A process that starts takes the wall clock for its own.
    const began = performance.timeOrigin + this.jumpMs;
    const loaded = await load();
    const app = await compose(loaded.settings, log, {
      written: describeSettings(loaded),
      lookup: this.#lookup,
      now: () => this.now?.() ?? Date.now() + this.aheadMs + this.jumpMs,
      steady: () => began + performance.now() + this.aheadMs,
      ...(this.fs === undefined ? {} : { fs: this.fs }),
      ...world,
    });
    const stop = () => app.stop(AbortSignal.timeout(2_000));
    this.#closing.push(() => app.stop(AbortSignal.abort()));
    const reload = async (changed: Texts) => app.reload((await load(changed)).settings);
    const door = await doorOf(app, environment.DATA_DIR, settings.CA_CERT);
    return { ...door, lines, reload, stop };
  }

  readonly #lookup: Lookup = async (host) => {
    const known = this.names.get(host);
    const addresses = typeof known === "function" ? known() : known;
    if (addresses === undefined) {
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
    }
    return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
}

async function doorOf(app: Application, dataDir: string, ownCa?: string) {
  const { listening, warnings } = await app.start();
  const port = listening[0]?.port ?? 0;
  const ca = await readFile(ownCa ?? join(dataDir, "ca", "ca.crt"), "utf8");
  const adminPort = listening.find(({ door }) => door === "admin")?.port ?? 0;
  return { port, adminPort, ca, dataDir, warnings };
}
