/** What is imported into a registry of ours: pushed there, and by the same rules. */
import type { CarriedPlace } from "../../doors/back-office/carried-images.ts";
import { readPushed } from "../../hosted/pushed-manifest.ts";
import type { Digest } from "../../protocol/digest.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Core } from "./core.ts";
import type { Hosted } from "./hosted.ts";

const client = "this machine";

/** Throws RegistryError while nothing may be written there. */
export function hostedArrivals(core: Core, { registry, repository }: CarriedPlace): Arrivals {
  const { hosted, store, tellHosted } = core;
  if (hosted === undefined) throw new RegistryError("UNSUPPORTED", "nothing is hosted here");
  hosted.letWrite();
  const { manifests, blobs } = hosted;
  const about = { kind: "pushed", registry, repository, user: undefined, client } as const;
  return {
    world: "hosted",
    has: async (digest) => {
      const its = store.catalogue?.repository(repository);
      // A manifest is written anew with its names.
      if (its?.manifests.has(digest) === true) return false;
      return blobs.mount(repository, digest, () => true);
    },
    blob: async (digest, body) => {
      await push(hosted, { repository, owner: client, client }, { digest, body });
      tellHosted({ ...about, what: "blob", reference: digest, digest });
    },
    manifest: async ({ digest, mediaType, tags }, bytes) => {
      const pushed = readPushed(bytes, mediaType, { kind: "digest", digest });
      await manifests.put(repository, pushed, tags);
      tellHosted({ ...about, what: "manifest", reference: digest, digest });
      for (const tag of tags) tellHosted({ ...about, what: "tag", reference: tag, digest });
    },
  };
}

type Whose = Parameters<Hosted["uploads"]["begin"]>[0];
type Brought = { readonly digest: Digest; readonly body: AsyncIterable<Uint8Array> };

async function push({ uploads }: Hosted, its: Whose, { digest, body }: Brought): Promise<void> {
  const upload = await uploads.begin(its);
  try {
    await uploads.append(upload, body);
    await uploads.finish(upload, digest);
  } finally {
    if (!upload.isOver) await uploads.cancel(upload);
  }
}
