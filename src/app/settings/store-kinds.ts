/** Where blobs have their second home, as STORE or the variables of Docker's registry say it. */
import { type Kind, WrongValue } from "./kind.ts";
import { webAddress } from "./network-kinds.ts";

/** A bucket, and a place of our own in it. */
export type S3Place = {
  readonly bucket: string;
  readonly prefix: string;
  /** With its scheme; undefined: Amazon's own. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly isPathStyle: boolean;
};

const example = "s3://bucket/prefix?endpoint=http://minio:9000&region=us-east-1";
const fields = ["endpoint", "region", "pathStyle"];
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/i;

/** `disk`, or where in S3. */
export const storePlace: Kind<"disk" | S3Place> = {
  word: "place",
  hint: `disk, or a bucket such as ${example}`,
  parse: (raw) => {
    const text = typeof raw === "string" ? raw.trim() : "";
    if (text === "disk") return "disk";
    const url = /^s3:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) throw new WrongValue("is neither disk nor an address in S3");
    if (url.username !== "" || url.password !== "")
      throw new WrongValue("has a login in it", "that as S3_ACCESS_KEY and S3_SECRET_KEY");
    return placeIn(url);
  },
};

function placeIn(url: URL): S3Place {
  const query = url.searchParams;
  const unknown = [...query.keys()].find((name) => !fields.includes(name));
  if (unknown !== undefined)
    throw new WrongValue(`has an unknown field ${unknown.slice(0, 40)}`, fields.join(", "));
  if (!bucketName.test(url.hostname))
    throw new WrongValue("has no bucket's name", `a bucket such as ${example}`);
  const endpoint = query.get("endpoint");
  return {
    bucket: url.hostname,
    prefix: folderIn(decodeURIComponent(url.pathname)),
    endpoint: endpoint === null ? undefined : endpointIn(endpoint, true),
    region: query.get("region") ?? undefined,
    isPathStyle: (query.get("pathStyle") ?? String(endpoint !== null)) === "true",
  };
}

/** What the variables of Docker's registry say of its bucket. */
export type RegistryBucket = {
  readonly bucket: string;
  readonly root: string | undefined;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly isSecure: boolean;
};

/** The same bucket, in a folder of our own. Throws WrongValue where the endpoint is no address. */
export function bucketOfRegistry(its: RegistryBucket): S3Place {
  const { bucket, root = "", endpoint, region, isSecure } = its;
  return {
    bucket,
    prefix: folderIn(`${root}/entrepot`),
    endpoint: endpoint && endpointIn(endpoint, isSecure),
    region,
    isPathStyle: endpoint !== undefined,
  };
}

/** As STORE is written. */
export function printS3Place({ bucket, prefix, endpoint, region }: S3Place): string {
  const query = Object.entries({ endpoint, region }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return `s3://${bucket}/${prefix}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}

/** Without slashes around it, nor two in a row. */
function folderIn(path: string): string {
  return path
    .split("/")
    .filter((each) => each !== "")
    .join("/");
}

/** Without a scheme `isSecure` says which. Throws WrongValue. */
function endpointIn(text: string, isSecure: boolean): string {
  const hasScheme = /^https?:\/\//i.test(text);
  try {
    return webAddress.parse(hasScheme ? text : `${isSecure ? "https" : "http"}://${text}`);
  } catch (error) {
    throw noEndpoint(error);
  }
}

function noEndpoint(cause: unknown): WrongValue {
  const hint = "an endpoint such as http://minio:9000";
  return new WrongValue("has an endpoint that is no address", hint, { cause });
}
