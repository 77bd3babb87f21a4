/**
 * The internet of a journey: Docker Hub, GitHub's and Quay's registries played by Debian's
 * docker-registry on loopback addresses, under their real names and with certificates of an
 * authority that only those who are told trust.
 */
import type { Server } from "node:https";
import { join } from "node:path";
import { type Authority, makeAuthority } from "../../../support/certificates.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { Front, openFront, type Pace } from "./front.ts";
import { nameHosts } from "./hosts-file.ts";
import { Ledger } from "./ledger.ts";
import { account, addresses, hostsOf, type LookAlike, lookAlikes } from "./look-alikes.ts";
import { TokenService } from "./token-service.ts";

export type Upstream = {
  readonly ledger: Ledger;
  /** How fast CDNs send; as fast as they can while undefined. */
  readonly pace: Pace;
  /** PEM of the authority that signed the registries' certificates. */
  readonly ca: string;
  /** Ends every connection and answers nobody any more, as when the line is cut. */
  goDown(): Promise<void>;
  stop(): Promise<void>;
};

/** `images` has one storage folder per registry host; `folder` takes configuration files. */
export async function startUpstream(images: string, folder: string): Promise<Upstream> {
  const authority = makeAuthority("Journey authority");
  const ledger = new Ledger();
  const pace: Pace = { bytesPerSecond: undefined };
  const undone: (() => unknown)[] = [nameHosts(addresses)];
  const servers: Server[] = [];
  const goDown = async () => {
    await Promise.all(servers.splice(0).map(closeServer));
  };
  const stop = async () => {
    await goDown();
    for (const undo of undone.splice(0).reverse()) await undo();
  };
  try {
    for (const lookAlike of lookAlikes) {
      await startOne({ lookAlike, images, folder, authority, ledger, pace, servers, undone });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { ledger, pace, ca: authority.ca, goDown, stop };
}

type Part = {
  readonly lookAlike: LookAlike;
  readonly images: string;
  readonly folder: string;
  readonly authority: Authority;
  readonly ledger: Ledger;
  readonly pace: Pace;
  /** What is open is put in here as soon as it is. */
  readonly servers: Server[];
  readonly undone: (() => unknown)[];
};

async function startOne(part: Part): Promise<void> {
  const { lookAlike, images, folder, authority, ledger, pace } = part;
  const { registry, realm, service, privateRepositories } = lookAlike;
  const signer = authority.issue(["token signer"]);
  const storage = join(images, registry);
  const behind = await startDockerRegistry({
    storage,
    folder: join(folder, registry),
    token: { realm: `https://${realm}`, service, ca: authority.ca },
  });
  part.undone.push(() => behind.stop());
  const users = { [account.user]: account.password };
  const tokens = new TokenService({ service, users, privateRepositories, certificate: signer });
  const front = new Front({ lookAlike, tokens, ledger, pace, port: behind.port, storage });
  for (const host of hostsOf(lookAlike)) {
    const address = addresses.get(host) ?? "";
    const server = await openFront(host, address, authority.issue([host]), (request, response) =>
      front.answer(host, request, response),
    );
    part.servers.push(server);
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeAllConnections();
  await closed.promise;
}
