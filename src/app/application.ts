/** What the command line starts and stops, and how it is put together from the settings. */
import type { Generation } from "../runtime/generation.ts";
import type { Tracing } from "../runtime/tracing.ts";
import type { FileSystem } from "../store/disk/file-system.ts";
import type { RecordStore } from "../store/record-store.ts";
import type { Lookup } from "../upstream/net/name-lookup.ts";
import type { GivenSockets } from "./given-sockets.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings/settings.ts";

/** A listener that is open. */
export type Listening = {
  /** `clients`, `tls` or `admin`. */
  readonly door: "clients" | "tls" | "admin";
  readonly host: string;
  readonly port: number;
};

/** What the operator is told once everything runs. */
export type Started = {
  readonly listening: readonly Listening[];
  /** SHA-256 of the CA certificate, as `AB:CD:…`. */
  readonly fingerprint: string;
  /** Where clients reach it, as the operator says. */
  readonly publicUrl?: string | undefined;
  /** What clients may call this machine otherwise, the surest first; never empty. */
  readonly names: readonly string[];
  /** Things to know at once, such as a listener on a public address. */
  readonly warnings: readonly string[];
};

export interface Application {
  /** Resolves when clients are served; what a failed start opened is closed again by stop. */
  start(): Promise<Started>;
  /** Takes up what may change while running: the logins. Throws what is wrong with them, changing nothing. */
  reload(settings: Settings): Promise<void>;
  /** The settings could not even be read. */
  reloadFailed(): void;
  /** Stops accepting, lets what runs finish until `deadline` aborts, then closes everything. Idempotent. */
  stop(deadline: AbortSignal): Promise<void>;
}

/** What lies around the process; a test may put something else in its place. */
export type World = {
  /** From names to addresses; left out, the machine's own way. */
  readonly lookup?: Lookup;
  /** For what is written down: the wall clock. */
  readonly now: () => number;
  /** For waits: a clock that does not jump. */
  readonly steady: () => number;
  /** Sockets that somebody listens on for us; they go before HOST and PORT. */
  readonly sockets?: GivenSockets;
  /** Where blobs lie; left out, Node's own. */
  readonly fs?: FileSystem;
  /** Rises when something changes that answers rest on. */
  readonly generation?: Generation;
  /** Whether an answer may be given again without deciding anew; yes. */
  readonly mayReuse?: boolean;
  /** The settings that differ from the defaults, a line each and without secrets. */
  readonly written?: readonly string[];
  /** Where what is done is followed; left out, nobody follows. */
  readonly tracing?: Tracing | undefined;
  /** Done once clients are served, beside them; left out, nothing is. Never rejects. */
  readonly rehearse?: (during: Rehearsing) => Promise<unknown>;
};

export type Rehearsing = {
  /** Whether no client is connected. */
  readonly isAlone: () => Promise<boolean>;
  /** It is to end. */
  readonly stopping: AbortSignal;
  /** Looks into the program's own records, whose thread has looked for nothing yet either. */
  readonly look?: RecordStore["get"] | undefined;
};

/** Builds every object, opens nothing that clients see. Throws what is wrong with settings or folders. */
export type Compose = (settings: Settings, log: Log, world?: World) => Promise<Application>;
