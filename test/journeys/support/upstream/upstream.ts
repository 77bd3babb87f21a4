/**
 * The internet of a journey: Docker Hub, GitHub's and Quay's registries played by Debian's
 * docker-registry on loopback addresses, under their real names and with certificates of an
 * authority that only those who are told trust.
 */
import { join } from "node:path";
import { type Authority, makeAuthority } from "../../../support/certificates.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { Front, openFront, type Pace, type Trouble } from "./front.ts";
import { Ledger } from "./ledger.ts";
import { account, addresses, hostsOf, type LookAlike, lookAlikes, member } from "./look-alikes.ts";
import { Posts } from "./posts.ts";
import { TokenService } from "./token-service.ts";

export type Upstream = {
  readonly ledger: Ledger;
  /** How fast CDNs send; as fast as they can while undefined. */
  readonly pace: Pace;
  readonly hosts: readonly string[];
  /** Where the hosts are. */
  readonly addresses: readonly string[];
  /** What hosts do in place of answering. */
  readonly troubles: Map<string, Trouble>;
  /** PEM of the authority that signed the registries' certificates. */
  readonly ca: string;
  /** Ends every connection and answers nobody any more, as when the line is cut. */
  goDown(): void;
  /** Takes no connection any more, and leaves those that there are as they are. */
  takeNoMore(): void;
  /** Answers again, on new connections, everybody who asks by name. */
  goUp(): Promise<void>;
  /** Its names mean nothing any more, and its connections are ended, so that names are asked for. */
  loseNames(): void;
  stop(): Promise<void>;
};

/** `images` has one storage folder per registry host; `folder` takes configuration files. */
export async function startUpstream(images: string, folder: string): Promise<Upstream> {
  const authority = makeAuthority("Journey authority");
  const ledger = new Ledger();
  const pace: Pace = { bytesPerSecond: undefined };
  const troubles = new Map<string, Trouble>();
  const posts = new Posts();
  const hosts = new Map(lookAlikes.flatMap(hostsOf).map((host) => [host, addressOf(host)]));
  const undone: (() => unknown)[] = [() => posts.loseNames()];
  const stop = async () => {
    posts.close();
    for (const undo of undone.splice(0).reverse()) await undo();
  };
  try {
    for (const lookAlike of lookAlikes) {
      const part = { lookAlike, images, folder, authority, ledger, pace, troubles, posts, undone };
      await startOne(part);
    }
    await posts.open();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ledger,
    pace,
    hosts: [...hosts.keys()],
    addresses: [...hosts.values()],
    troubles,
    ca: authority.ca,
    goDown: () => posts.close(),
    takeNoMore: () => posts.takeNoMore(),
    goUp: () => posts.open(),
    loseNames: () => posts.loseNames(),
    stop,
  };
}

type Part = {
  readonly lookAlike: LookAlike;
  readonly images: string;
  readonly folder: string;
  readonly authority: Authority;
  readonly ledger: Ledger;
  readonly pace: Pace;
  readonly troubles: ReadonlyMap<string, Trouble>;
  readonly posts: Posts;
  readonly undone: (() => unknown)[];
};

async function startOne(part: Part): Promise<void> {
  const { lookAlike, images, folder, authority, ledger, pace, troubles } = part;
  const { registry, realm, service, privateRepositories } = lookAlike;
  const signer = authority.issue(["token signer"]);
  const storage = join(images, registry);
  const behind = await startDockerRegistry({
    storage,
    folder: join(folder, registry),
    token: { realm: `https://${realm}`, service, ca: authority.ca },
  });
  part.undone.push(() => behind.stop());
  const users = { [account.user]: account.password, [member.user]: member.password };
  const tokens = new TokenService({ service, users, privateRepositories, certificate: signer });
  const { port } = behind;
  const front = new Front({ lookAlike, tokens, ledger, pace, troubles, port, storage });
  for (const host of hostsOf(lookAlike)) {
    const address = addressOf(host);
    const certificate = authority.issue([host]);
    part.posts.add(() =>
      openFront(host, address, certificate, (request, response) =>
        front.answer(host, request, response),
      ),
    );
  }
}

function addressOf(host: string): string {
  const address = addresses.get(host);
  if (address === undefined) throw new Error(`${host} has no address`);
  return address;
}
