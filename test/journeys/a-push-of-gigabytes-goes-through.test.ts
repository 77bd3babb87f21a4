import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { CommandedClient, StartClient } from "./support/clients/client.ts";
import { startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { startDocker } from "./support/clients/docker.ts";
import { type Entrepot, type Logged, requestsIn } from "./support/entrepot.ts";
import { theFirstOf } from "./support/fullness.ts";
import { makeImageLayout, makeLayerTar } from "./support/image-layout.ts";
import { hasProgram, hubLogin, Journey, mustSucceed } from "./support/journey.ts";
import { watchGrowth } from "./support/memory.ts";
import { hub, member } from "./support/upstream/look-alikes.ts";

const MiB = 1024 * 1024;

/** Of one layer: more bytes than 31 bits can count. */
const size = 2_052 * MiB;
const small = { tag: "small", platforms: ["linux/amd64"], layers: [100_000], seed: "small" };

/**
 * How much Entrepot may grow by while three such layers go through, in MiB: a thirtieth of them. On a
 * busy machine garbage is collected late, which is some 100.
 */
const mayGrow = 192;

const creds = `${member.user}:${member.password}`;

type Pusher = {
  readonly program: string;
  readonly start: StartClient<CommandedClient>;
  /** Makes the image where the client pushes from; gives its name there. */
  readonly make: (client: CommandedClient, folder: string) => Promise<string>;
  readonly push: (client: CommandedClient, name: string, image: string) => Promise<void>;
};

const pushers: readonly Pusher[] = [
  {
    program: "skopeo",
    start: startSkopeo,
    make: async (_client, folder) => {
      const layout = join(folder, "layout");
      const recipe = { tag: "big", platforms: ["linux/amd64"], layers: [size], seed: "skopeo" };
      await makeImageLayout(layout, recipe);
      return `oci:${layout}:big`;
    },
    push: async (client, name, image) => {
      mustSucceed(await client.command("copy", "--dest-creds", creds, name, `docker://${image}`));
    },
  },
  {
    program: "podman",
    start: startPodman,
    make: imported,
    push: async (client, name, image) => {
      // Quicker than gzip, which it would pack the layer with again.
      const options = ["--compression-format", "zstd", "--creds", creds];
      mustSucceed(await client.command("push", ...options, name, `docker://${image}`));
    },
  },
  {
    program: "dockerd",
    start: async (surroundings) => {
      const auth = Buffer.from(creds).toString("base64");
      const auths = { "https://index.docker.io/v1/": { auth } };
      await writeFile(join(surroundings.folder, "config.json"), JSON.stringify({ auths }));
      return startDocker(surroundings);
    },
    make: imported,
    push: async (client, name, image) => {
      mustSucceed(await client.command("tag", name, image));
      mustSucceed(await client.command("push", image));
    },
  },
];

/** Those that this machine has: the first goes through every day, since each takes a minute of two cores. */
const here = theFirstOf(pushers.filter(({ program }) => hasProgram(program)));

/** Out of a layer that no other client has: nothing of it is at the registry yet. */
async function imported(client: CommandedClient, folder: string): Promise<string> {
  const file = join(folder, "layer.tar");
  await makeLayerTar(file, { seed: client.name, size, name: "layer" });
  const { stdout } = mustSucceed(await client.command("import", file));
  return stdout.trim();
}

/** What the tag meant before the push, and right after it. */
type Pushed = { readonly before: string; readonly after: string };

describe("an image of more than 2 GiB, pushed to Docker Hub through the proxy", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let growth: () => Promise<number>;
  const pushed = new Map<string, Promise<Pushed>>();

  /** All at once: most of the time goes into packing layers, hashing them, and waiting for disks. */
  beforeAll(async () => {
    journey = await Journey.begin({ isEmpty: true });
    await makeImageLayout(join(journey.folder, "small"), small);
    // What is known of a tag is believed for an hour, unless a push says otherwise.
    entrepot = await journey.entrepot({
      AUTH_REGISTRIES: hubLogin,
      ALLOW_PUSH: "true",
      TAG_TTL: "1h",
    });
    const before = new Map<Pusher, string>();
    for (const pusher of here) before.set(pusher, await pushSmall(pusher.program));
    growth = await watchGrowth(entrepot.pid);
    for (const [pusher, digest] of before) {
      pushed.set(
        pusher.program,
        pushWith(pusher).then((after) => ({ before: digest, after })),
      );
    }
    await Promise.allSettled(pushed.values());
  }, 600_000);
  afterAll(async () => {
    await journey?.end();
    if (journey !== undefined) await rm(journey.folder, { recursive: true, force: true });
  });

  /** Gives what the tag means to the proxy right after that. */
  async function pushWith({ program, start, make, push }: Pusher): Promise<string> {
    const client = await journey.client(start, entrepot.trust, entrepot.proxy);
    const folder = join(journey.folder, program);
    await mkdir(folder);
    const name = await make(client, folder);
    await push(client, name, `docker.io/acme/by-${program}:1`);
    const after = await headOf(program);
    await client.wipe();
    await rm(folder, { recursive: true });
    return after;
  }

  /** Another image under the same name, which the proxy then knows; its digest. */
  async function pushSmall(program: string): Promise<string> {
    const skopeo = await journey.client(startSkopeo, entrepot.trust, entrepot.proxy);
    const source = `oci:${join(journey.folder, "small")}:small`;
    const target = `docker://docker.io/acme/by-${program}:1`;
    mustSucceed(await skopeo.command("copy", "--dest-creds", creds, source, target));
    const digest = await headOf(program);
    expect(digest).toBe(atTheRegistry(journey, program));
    return digest;
  }

  /** What the tag means to clients of the proxy. */
  async function headOf(program: string): Promise<string> {
    const url = `${entrepot.proxy}/v2/acme/by-${program}/manifests/1`;
    const answer = await fetch(url, { method: "HEAD", headers: { accept: "*/*" } });
    expect(answer.status).toBe(200);
    return answer.headers.get("docker-content-digest") ?? "";
  }

  describe.each(here)("by $program", ({ program }) => {
    it("is there, and its tag means it at once", async () => {
      const { before, after } = await (pushed.get(program) as Promise<Pushed>);
      expect(after).not.toBe(before);
      expect(after).toBe(atTheRegistry(journey, program));
    });

    it("went through whole, in its own name alone", async () => {
      await eventually(() => {
        const sent = requestsIn(entrepot.lines).filter(isOf(program));
        const bytes = sent.reduce((total, { received = 0 }) => total + received, 0);
        expect(bytes).toBeGreaterThan(2 ** 31);
      });
      const writes = journey.upstream.ledger.entries.filter(
        ({ method, path }) =>
          /^(?:POST|PATCH|PUT)$/.test(method) && path.includes(`/by-${program}/`),
      );
      expect([...new Set(writes.map(({ user }) => user))]).toEqual([member.user]);
    });
  });

  it("took hardly any memory, all of them at once", async () => {
    expect(await growth()).toBeLessThan(mayGrow);
  });

  it("comes back whole, right away, and memory stays as it is", async () => {
    const [first] = here;
    growth = await watchGrowth(entrepot.pid);
    expect(await pullAll(`${entrepot.proxy}/v2/acme/by-${first?.program}`)).toBeGreaterThan(
      2 ** 31,
    );
    expect(await growth()).toBeLessThan(mayGrow);
  });

  it("puts no password and no token into the log", () => {
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });
});

/** The whole image, every digest checked; gives its bytes. */
async function pullAll(base: string): Promise<number> {
  const answer = await fetch(`${base}/manifests/1`, { headers: { accept: "*/*" } });
  const { config, layers } = (await answer.json()) as Manifest;
  let total = 0;
  for (const { digest } of [config, ...layers]) {
    const blob = await fetch(`${base}/blobs/${digest}`);
    const hash = createHash("sha256");
    for await (const piece of blob.body ?? []) {
      hash.update(piece);
      total += piece.length;
    }
    expect(`sha256:${hash.digest("hex")}`).toBe(digest);
  }
  return total;
}

type Manifest = {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
};

function isOf(program: string): (logged: Logged) => boolean {
  return ({ repository }) => repository === `acme/by-${program}`;
}

/** What the tag means to the registry itself. */
function atTheRegistry(journey: Journey, program: string): string {
  const link = `docker/registry/v2/repositories/acme/by-${program}/_manifests/tags/1/current/link`;
  return readFileSync(join(journey.folder, "images", hub.registry, link), "utf8").trim();
}
