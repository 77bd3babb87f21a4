/**
 * Images on their way in: what was brought stays until all of it has a name. What goes to a registry of
 * ours is pushed like anything else; the rest is kept as what it says it is, another registry's.
 */
import type { ImportAsk, ImportUnderWay } from "../../doors/back-office/carried-images.ts";
import { HostedHosts } from "../../doors/server/own-names.ts";
import type { Digest } from "../../protocol/digest.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import { calledName } from "../../protocol/registry-name.ts";
import type { Core } from "./core.ts";
import { cachedArrivals } from "./importing-cached.ts";
import { hostedArrivals } from "./importing-hosted.ts";

/** Throws RegistryError when it may not go there. */
export async function beginImport(core: Core, ask: ImportAsk): Promise<ImportUnderWay> {
  const hosted = new HostedHosts(core.settings.hosted.hosts);
  const { repository, registry = hosted.first } = ask.to;
  if (registry === undefined) {
    throw new RegistryError("UNSUPPORTED", "nothing is hosted here; set HOSTED_HOSTS");
  }
  const to = { registry, repository };
  const arrivals = hosted.isHosted(registry)
    ? hostedArrivals(core, to)
    : cachedArrivals(core, to, ask.contents);
  const { holds } = core.store;
  const held = ask.contents.map(({ digest }) => digest);
  for (const digest of held) holds.hold(digest);
  const release = async (): Promise<void> => {
    for (const digest of held.splice(0)) holds.release(digest);
  };
  try {
    const missing: Digest[] = [];
    for (const { digest, size } of ask.contents)
      if (!(await arrivals.has(digest, size))) missing.push(digest);
    const name = `${calledName(registry)}/${repository}`;
    return { ...arrivals, name, missing, release };
  } catch (error) {
    await release();
    throw error;
  }
}
