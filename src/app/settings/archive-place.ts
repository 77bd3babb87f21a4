/** Where the archive is, from STORE or from the variables of Docker's registry; STORE goes first. */
import { WrongValue } from "./kind.ts";
import type { Settings } from "./settings.ts";
import { bucketOfRegistry, type S3Place } from "./store-kinds.ts";

export type ArchivePlace = Omit<S3Place, "region"> & {
  readonly region: string;
  readonly login: { readonly accessKey: string; readonly secretKey: string } | undefined;
};

type Store = Settings["store"];

/** What the SDK takes for an endpoint whose region nobody cares about. */
const usualRegion = "us-east-1";

/** Undefined where the disk is all there is. Throws WrongValue where the endpoint is no address. */
export function archivePlace({ store }: Settings): ArchivePlace | undefined {
  const place = store.place ?? placeOfRegistry(store);
  if (place === undefined || place === "disk") return undefined;
  const accessKey = store.accessKey ?? store.registryAccessKey;
  const secretKey = store.secretKey ?? store.registrySecretKey;
  const hasLogin = accessKey !== undefined && secretKey !== undefined;
  return {
    ...place,
    region: place.region ?? usualRegion,
    login: hasLogin ? { accessKey, secretKey } : undefined,
  };
}

/** Whether clients may be sent there. */
export function isRedirecting({ store }: Settings): boolean {
  return store.redirect ?? store.registryRedirectDisable === false;
}

function placeOfRegistry(store: Store): S3Place | undefined {
  const { registryStorage, registryBucket: bucket } = store;
  if (registryStorage !== "s3" || bucket === undefined) return undefined;
  return bucketOfRegistry({
    ...{ bucket, root: store.registryRoot, region: store.registryRegion },
    endpoint: store.registryEndpoint,
    isSecure: store.registrySecure ?? true,
  });
}

/** A sentence for each thing that does not fit. */
export function checkStore(settings: Settings): readonly string[] {
  const { store } = settings;
  const sentences: string[] = [];
  if ((store.accessKey === undefined) !== (store.secretKey === undefined)) {
    const [is, needs] = store.accessKey === undefined ? ["SECRET", "ACCESS"] : ["ACCESS", "SECRET"];
    sentences.push(`S3_${is}_KEY stands alone; write S3_${needs}_KEY too`);
  }
  if (store.registryStorage === "s3" && store.place === undefined && !store.registryBucket)
    sentences.push(
      "REGISTRY_STORAGE is s3; write the bucket as REGISTRY_STORAGE_S3_BUCKET, or STORE",
    );
  try {
    archivePlace(settings);
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error;
    sentences.push(`REGISTRY_STORAGE_S3_REGIONENDPOINT ${error.message}; write ${error.hint}`);
  }
  return sentences;
}
