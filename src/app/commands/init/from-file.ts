/** A draft from the file of a set-up that Entrepot replaces: whose it is shows in what it holds. */
import { Draft } from "./draft.ts";
import { fromConfig, isConfig } from "./from-config.ts";
import { fromDockerRegistryProxy, isDockerRegistryProxy } from "./from-docker-registry-proxy.ts";
import { fromRegistryCaches, isRegistryCaches } from "./from-registry-caches.ts";
import { fromSquid, isSquid } from "./from-squid.ts";
import { fromTraefik, isTraefik } from "./from-traefik.ts";
import { type OldSetup, readOldSetup } from "./old-setup.ts";
import { Variables } from "./variables.ts";

type Reader = {
  readonly name: string;
  readonly isIt: (setup: OldSetup) => boolean;
  readonly read: (setup: OldSetup, its: Variables, draft: Draft) => void;
};

/** The first that knows a variable as its own. */
const readers: readonly Reader[] = [
  { name: "Squid", isIt: isSquid, read: (setup, _, draft) => fromSquid(setup, draft) },
  { name: "a path-prefix cache (CONFIG)", isIt: isConfig, read: fromConfig },
  { name: "registry caches with prompts", isIt: isRegistryCaches, read: fromRegistryCaches },
  { name: "one registry for each upstream behind Traefik", isIt: isTraefik, read: fromTraefik },
  { name: "docker-registry-proxy", isIt: isDockerRegistryProxy, read: fromDockerRegistryProxy },
];

/** What the file says to Compose of ours, and to MinIO. */
const toOthers = /^(?:ADDRESS|ENTREPOT_IMAGE|MINIO_\w+)$/;

export type ReadDraft = {
  /** What it was taken for. */
  readonly of: string;
  readonly draft: Draft;
  /** A sentence for each name that has no meaning here. */
  readonly without: readonly string[];
};

/** Throws InitError. */
export function draftFrom(name: string, content: string): ReadDraft {
  const setup = readOldSetup(name, content);
  const its = new Variables(setup.variables);
  its.takeAll(toOthers);
  const draft = new Draft();
  const reader = readers.find(({ isIt }) => isIt(setup));
  reader?.read(setup, its, draft);
  const of = reader?.name ?? "nothing that is known here";
  return { of, draft, without: its.without() };
}
