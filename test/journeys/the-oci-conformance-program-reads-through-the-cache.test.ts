import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNoFailure, judge } from "./support/conformance.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";
import { spare } from "./support/upstream/look-alikes.ts";

const repository = "conformance/one";
/** Told what there is, it never looks at the digest of a manifest's answer, and calls it missing. */
const notLookedAt = { OCI_API_MANIFESTS_DIGEST_HEADER: "false" };
const noDeletes = {
  ...{ OCI_API_TAGS_DELETE: "false", OCI_API_MANIFESTS_DELETE: "false" },
  OCI_API_BLOBS_DELETE: "false",
};

type Descriptor = { readonly digest: string };
type Document = {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
};

/** Everything there is behind the tags of a repository, as the program is told of it. */
async function contentOf(base: string): Promise<Environment> {
  const { tags } = (await (await fetch(`${base}/tags/list`)).json()) as { tags: string[] };
  const [manifests, blobs, subjects] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const waiting: string[] = [...tags];
  for (let reference = waiting.pop(); reference !== undefined; reference = waiting.pop()) {
    const answer = await fetch(`${base}/manifests/${reference}`);
    const digest = answer.headers.get("docker-content-digest") ?? "";
    if (!answer.ok || manifests.has(digest)) continue;
    manifests.add(digest);
    const document = (await answer.json()) as Document;
    const { config, layers = [], manifests: children = [], subject } = document;
    for (const blob of digestsOf([config, ...layers])) blobs.add(blob);
    for (const about of digestsOf([subject])) subjects.add(about);
    waiting.push(...digestsOf(children));
  }
  const list = (digests: Iterable<string>): string => [...digests].join(" ");
  return {
    OCI_RO_DATA_TAGS: list(tags),
    OCI_RO_DATA_MANIFESTS: list(manifests),
    OCI_RO_DATA_BLOBS: list(await thereOf(base, blobs)),
    OCI_RO_DATA_REFERRERS: list(subjects),
  };
}

function digestsOf(descriptors: readonly (Descriptor | undefined)[]): readonly string[] {
  return descriptors.flatMap((one) => (one === undefined ? [] : [one.digest]));
}

/** Layers of others, which nobody distributes, are not. */
async function thereOf(base: string, blobs: ReadonlySet<string>): Promise<readonly string[]> {
  const there: string[] = [];
  for (const digest of blobs) {
    if ((await fetch(`${base}/blobs/${digest}`, { method: "HEAD" })).ok) there.push(digest);
  }
  return there;
}

describe.skipIf(!hasProgram("oci-conformance"))(
  "the OCI conformance program, reading through the cache",
  () => {
    let journey: Journey;
    let entrepot: Entrepot;
    let content: Environment = {};
    beforeAll(async () => {
      journey = await Journey.begin();
      // A registry that has everything the specification knows: another Entrepot.
      const origin = await journey.entrepot(
        {
          ...{ HOST: spare.address, TLS_PORT: "443", HOSTED_ANONYMOUS_PUSH: "true" },
          HOSTED_HOSTS: `${spare.host} ${spare.address}`,
        },
        "origin",
      );
      const filled = await judge(join(journey.folder, "filling"), {
        ...{ OCI_REGISTRY: spare.host, SSL_CERT_FILE: origin.trust, OCI_REPO1: repository },
        ...noDeletes,
      });
      expectNoFailure(filled);
      content = await contentOf(`http://${spare.address}:${origin.port}/v2/${repository}`);
      entrepot = await journey.entrepot({
        ...{ REGISTRIES: spare.host, UPSTREAM_CA: origin.trust },
        MIRROR_HOSTS: `localhost=${spare.host}`,
      });
    });
    afterAll(() => journey?.end());

    async function reads(name: string, env: Environment): Promise<void> {
      const judged = await judge(join(journey.folder, name), {
        ...{ OCI_API_PUSH: "false", OCI_REPO1: repository, ...noDeletes, ...notLookedAt },
        ...{ ...content, ...env },
      });
      expectNoFailure(judged);
      expect(judged.figure("Pass")).toBeGreaterThan(50);
    }

    it("at the proxy", async () => {
      await reads("proxy", {
        ...{ OCI_REGISTRY: spare.host, HTTPS_PROXY: entrepot.proxy },
        SSL_CERT_FILE: entrepot.trust,
      });
    });

    it("at the mirror, under a name of its own", async () => {
      const at = { OCI_REGISTRY: `localhost:${entrepot.port}`, OCI_TLS: "disabled" };
      await reads("virtual-host", at);
    });

    it("at the mirror, behind the registry's name in the path", async () => {
      const at = { OCI_REGISTRY: `127.0.0.1:${entrepot.port}`, OCI_TLS: "disabled" };
      await reads("prefix", { ...at, OCI_REPO1: `${spare.host}/${repository}` });
    });

    it("at the mirror, as containerd says which registry is meant", async () => {
      const server = createServer((incoming, outgoing) => {
        const { method, url = "/", headers } = incoming;
        const path = `${url}${url.includes("?") ? "&" : "?"}ns=${spare.host}`;
        const host = `127.0.0.1:${entrepot.port}`;
        const asked = request({
          ...{ port: entrepot.port, method, path, headers: { ...headers, host } },
        });
        asked.on("response", (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          answer.pipe(outgoing);
        });
        incoming.pipe(asked);
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as AddressInfo;
      try {
        await reads("ns", { OCI_REGISTRY: `localhost:${port}`, OCI_TLS: "disabled" });
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  },
);
