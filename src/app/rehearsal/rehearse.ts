/**
 * Pulls a few images by itself, from a registry of its own and through a program of its own, so that what
 * a pull passes has run before the first client comes: for the first time everything takes ten times as
 * long. Nothing of it is seen afterwards, and where it cannot be done the first client waits instead.
 *
 *   SmallClient ─▶ a door ─▶ engine ─▶ cache ─▶ way out ─▶ SmallRegistry     all on loopback,
 *                                        ├─▶ a temporary folder             gone when it is over
 *                                        └─▶ the program's own records      looked into, for what is not there
 */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { openAuthority } from "../../doors/proxy/authority/ca.ts";
import { LeafIssuer } from "../../doors/proxy/authority/leaf.ts";
import { pause, systemClock } from "../../runtime/clock.ts";
import type { Rehearsing } from "../application.ts";
import { openRehearsedProgram } from "./rehearsed-program.ts";
import { SmallClient } from "./small-client.ts";
import { SmallRegistry } from "./small-registry.ts";

/** No name under it leads anywhere (RFC 2606). */
const domain = "rehearsal.invalid";
/** The next pull takes hardly longer than the tenth then. Each one takes memory that stays. */
const pulls = 4;
/** Milliseconds: a machine that takes longer has other work to do. */
const longest = 2_000;
/** Of its folder, under the system's temporary one. */
const prefix = "entrepot-rehearsal-";
/** Milliseconds after which a folder is nobody's: its process was killed. */
const abandoned = 60_000;
/** Milliseconds that a client has for itself. */
const whileClients = 50;

/** Resolves once nothing of it is left, with whether it came to its end; never rejects. */
export async function rehearse(during: Rehearsing): Promise<boolean> {
  const signal = AbortSignal.any([during.stopping, AbortSignal.timeout(longest)]);
  try {
    const folder = await mkdtemp(join(tmpdir(), prefix));
    try {
      await rehearseIn(folder, during, signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    // What another process removes at this moment is no failure of this one.
    await removeAbandoned(tmpdir()).catch(() => undefined);
    return true;
  } catch {
    // No folder, no port, or no time: nobody has asked for it.
    return false;
  }
}

async function rehearseIn(
  folder: string,
  { isAlone, look }: Rehearsing,
  signal: AbortSignal,
): Promise<void> {
  const { now } = systemClock;
  const authority = await openAuthority({ folder: join(folder, "ca"), now });
  const leaves = new LeafIssuer({ authority, now });
  const registry = await SmallRegistry.open(leaves, `*.${domain}`);
  try {
    const pattern = `*.${domain}:${registry.port}`;
    const program = await openRehearsedProgram({ folder, authority, registries: pattern, look });
    try {
      const secureContext = createSecureContext({ ca: authority.root });
      for (let count = 0; count < pulls; count += 1) {
        while (!(await isAlone())) await pause(systemClock, whileClients, signal);
        signal.throwIfAborted();
        await pull({ port: program.port, registry, secureContext, signal }, `n${count}`);
      }
    } finally {
      await program.close();
    }
  } finally {
    registry.close();
  }
}

type Stage = {
  readonly port: number;
  readonly registry: SmallRegistry;
  readonly secureContext: SecureContext;
  readonly signal: AbortSignal;
};

/** As an engine does it, from a registry that nobody asked before; then again, of what is kept now. */
async function pull({ port, registry, secureContext, signal }: Stage, name: string): Promise<void> {
  const { tag, blob } = registry.add(name);
  const host = `${name}.${domain}`;
  const way = { port, host, hostPort: registry.port, secureContext, signal };
  for (const isFirst of [true, false]) {
    const client = await SmallClient.open(way);
    try {
      if (isFirst) await client.get("/v2/");
      await client.get(`/v2/app/manifests/${tag}`);
      await client.get(`/v2/app/blobs/${blob}`);
    } finally {
      client.close();
    }
  }
}

/** Of others there may be some that are at work. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(parent, name);
    const { mtimeMs } = await stat(path);
    if (systemClock.now() - mtimeMs > abandoned) await rm(path, { recursive: true, force: true });
  }
}
