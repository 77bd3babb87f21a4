/** An archive in a bucket of some server, over the way out that the program takes. */
import { sendBy } from "../../../src/app/compose/s3.ts";
import { S3Archive } from "../../../src/store/s3/s3-archive.ts";
import { CorporateProxies } from "../../../src/upstream/net/corporate-proxy.ts";
import { Destinations } from "../../../src/upstream/net/destination.ts";
import { Dialer } from "../../../src/upstream/net/dial.ts";
import { OriginPools } from "../../../src/upstream/net/dispatcher.ts";
import { systemAuthorities, TlsClient } from "../../../src/upstream/net/tls-client.ts";
import { Transport } from "../../../src/upstream/net/transport.ts";
import type { TransportLimits } from "../../../src/upstream/net/transport-limits.ts";

export type AtServer = {
  readonly endpoint: string;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly limits?: Partial<TransportLimits>;
  readonly bodyTimeoutMs?: number;
};

export const testLogin = { accessKey: "entrepot", secretKey: "CANARY-s3-secret" };

export async function openedArchive(at: AtServer) {
  const { bodyTimeoutMs = 10_000, limits = {}, endpoint } = at;
  const proxies = new CorporateProxies({
    ...{ https: undefined, http: undefined, except: "", perRegistry: new Map() },
  });
  const tls = new TlsClient({ authorities: [...systemAuthorities()], isUnverified: () => false });
  const destinations = new Destinations({
    named: [new URL(endpoint).host],
    allowedAddresses: ["127.0.0.0/8"],
    tunnelPorts: [],
    ownListeners: () => [],
    ownAddresses: () => [],
  });
  const lookup = async () => [{ address: "127.0.0.1", family: 4 }] as const;
  const dialer = new Dialer({ destinations, proxies, tls, family: "auto", lookup });
  const pools = new OriginPools({ dialer, tls, proxies, bodyTimeoutMs });
  const now = () => performance.now();
  const transport = new Transport({ pools, observe: () => undefined, now, limits });
  const archive = await S3Archive.open({
    ...{ endpoint, bucket: at.bucket ?? "images", prefix: at.prefix ?? "entrepot" },
    ...{ region: "us-east-1", isPathStyle: true, login: testLogin, send: sendBy(transport) },
  });
  return { archive, close: () => pools.close() };
}
