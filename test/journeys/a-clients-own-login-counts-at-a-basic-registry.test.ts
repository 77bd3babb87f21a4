import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { startBuildkit } from "./support/clients/buildkit.ts";
import type { Client, StartClient } from "./support/clients/client.ts";
import { environment } from "./support/clients/client.ts";
import { startContainerd, startNerdctl } from "./support/clients/containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { startCrane } from "./support/clients/crane.ts";
import { startDocker } from "./support/clients/docker.ts";
import { startHelm, startOrasCommand } from "./support/clients/libraries.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { run, runWell } from "./support/program.ts";
import { startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { openFront } from "./support/upstream/front.ts";
import { spare } from "./support/upstream/look-alikes.ts";

const robot = "robot:CANARY-robot";
const carol = "carol:CANARY-carol";
const wrong = "carol:CANARY-mistyped";
const { host } = spare;

/** The robot reads all but what is hers; she reads and writes; the ping is as either kind has it. */
type Kind = "asks for Basic" | "lets every ping in";

const clients: readonly (readonly [string, StartClient])[] = [
  ["skopeo", startSkopeo],
  ["podman", startPodman],
  ["buildah", startBuildah],
  ["crane", startCrane],
  ["dockerd", (surroundings) => startDocker(surroundings)],
];

/** They ask for what they want at once. */
const withoutPings: readonly (readonly [string, StartClient, string])[] = [
  ["nerdctl", (surroundings) => startNerdctl(surroundings), "app:1"],
  ["oras", startOrasCommand, "app:1"],
  ["helm", startHelm(), "chart:1.0.0"],
];

describe.each<Kind>(["asks for Basic", "lets every ping in"])(
  "at a registry with an entry that %s",
  { timeout: 240_000 },
  (kind) => {
    let journey: Journey;
    let entrepot: Entrepot;
    let layout: string;
    /** PEM file of who signed the registry's own certificate. */
    let ca: string;

    beforeAll(async () => {
      journey = await Journey.begin();
      const folder = join(journey.folder, host);
      const storage = join(folder, "images");
      await mkdir(storage, { recursive: true });
      const registry = await startDockerRegistry({ storage, folder });
      journey.atEnd(() => registry.stop());
      layout = join(folder, "layout");
      await makeImageLayout(layout, {
        ...{ tag: "1", platforms: ["linux/amd64"], layers: [50_000], seed: randomUUID() },
      });
      for (const name of ["shared/app:1", "hers/app:1"]) {
        const to = `docker://127.0.0.1:${registry.port}/${name}`;
        const options = ["copy", "--insecure-policy", "--dest-tls-verify=false"];
        await runWell("skopeo", [...options, `oci:${layout}:1`, to], { env: { HOME: folder } });
      }
      if (hasProgram("helm")) await pushCharts(folder, registry.port);
      const authority = makeAuthority("Private authority");
      const server = await openFront(
        host,
        spare.address,
        authority.issue([host]),
        (asked, answer) =>
          void guard(kind, registry.port, asked, answer).catch(() => answer.destroy()),
      );
      journey.atEnd(async () => {
        server.close();
        server.closeAllConnections();
      });
      ca = join(folder, "ca.pem");
      await writeFile(ca, authority.ca);
      entrepot = await journey.entrepot({ UPSTREAM_CA: ca, AUTH_REGISTRIES: `${host}:${robot}` });
    }, 120_000);
    afterAll(() => journey?.end());

    const client = <C extends Client>(start: StartClient<C>, login?: string): Promise<C> =>
      journey.client(loggedIn(start, login), entrepot.trust, entrepot.proxy);

    /** Without a ping a login that is never asked for is never refused. */
    const withoutPing = {
      ...{ "shared to nobody": true, "hers to nobody": false },
      ...{ "shared to carol": true, "hers to carol": true },
      ...{ "shared to wrong": true, "hers to wrong": false },
    };

    for (const [name, start] of clients) {
      it.skipIf(!hasProgram(name))(`${name} has what its login may have`, async () => {
        const got: Record<string, boolean> = {};
        for (const [who, login] of Object.entries({ nobody: undefined, carol, wrong })) {
          const one = await client(start, login);
          for (const image of ["shared", "hers"]) {
            await one.wipe();
            const pulled = await one.pull(`${host}/${image}/app:1`);
            got[`${image} to ${who}`] = pulled.code === 0;
          }
        }
        expect(got).toEqual({
          ...{ "shared to nobody": true, "hers to nobody": false },
          ...{ "shared to carol": true, "hers to carol": true },
          ...{ "shared to wrong": false, "hers to wrong": false },
        });
      });
    }

    it.skipIf(!hasProgram("ctr"))(
      "ctr, which never pings, has what its login may have",
      async () => {
        const got: Record<string, boolean> = {};
        for (const [who, login] of Object.entries({ nobody: undefined, carol, wrong })) {
          const options = login === undefined ? [] : ["--user", login];
          const one = await client((surroundings) => startContainerd(surroundings, options));
          for (const image of ["shared", "hers"]) {
            await one.wipe();
            got[`${image} to ${who}`] = (await one.pull(`${host}/${image}/app:1`)).code === 0;
          }
        }
        expect(got).toEqual(withoutPing);
      },
    );

    for (const [name, start, what] of withoutPings) {
      it.skipIf(!hasProgram(name))(
        `${name}, which never pings, has what its login may have`,
        async () => {
          const got: Record<string, boolean> = {};
          for (const [who, login] of Object.entries({ nobody: undefined, carol, wrong })) {
            const one = await client(start, login);
            for (const image of ["shared", "hers"]) {
              await one.wipe();
              got[`${image} to ${who}`] = (await one.pull(`${host}/${image}/${what}`)).code === 0;
            }
          }
          expect(got).toEqual(withoutPing);
        },
      );
    }

    it.skipIf(!hasProgram("buildkitd")).each(["proxy", "mirror"])(
      "buildkit, which never pings either, has by the %s what its login may have, and pushes with one",
      async (door) => {
        const mirror = `[registry."127.0.0.1:${entrepot.port}"]\n  http = true\n`;
        const mirrored = `[registry."${host}"]\n  mirrors = ["127.0.0.1:${entrepot.port}"]\n${mirror}`;
        const got: Record<string, boolean> = {};
        const pushes: Record<string, boolean> = {};
        for (const [who, login] of Object.entries({ nobody: undefined, carol, wrong })) {
          const builder = await (door === "proxy"
            ? client((surroundings) => startBuildkit(surroundings), login)
            : journey.client(
                loggedIn((surroundings) => startBuildkit(surroundings, mirrored), login),
                ca,
              ));
          for (const image of ["shared", "hers"]) {
            got[`${image} to ${who}`] = (await builder.pull(`${host}/${image}/app:1`)).code === 0;
            await builder.wipe();
          }
          await writeFile(join(builder.context, "file"), randomUUID());
          const to = `type=image,name=${host}/hers/built-${randomUUID()}:1,push=true`;
          const pushed = await builder.build("FROM scratch\nCOPY file /\n", "--output", to);
          pushes[who] = pushed.code === 0;
          await builder.stop();
        }
        expect(got).toEqual(withoutPing);
        expect(pushes).toEqual({ nobody: false, carol: true, wrong: false });
      },
    );

    it.each([
      ["skopeo", [carol, true]],
      ["skopeo", [undefined, false]],
      ["crane", [carol, true]],
      ["crane", [undefined, false]],
      ["oras", [carol, true]],
      ["oras", [undefined, false]],
    ] as const)("%s pushes with a login of its own alone (%j)", async (tool, [login, isTaken]) => {
      const folder = join(journey.folder, randomUUID());
      await mkdir(folder);
      const { trust, proxy } = entrepot;
      await writeLogin(folder, login);
      const env = environment({ folder, trust, proxy });
      const image = `${host}/hers/pushed-${randomUUID()}:1`;
      const args = {
        skopeo: ["copy", "--insecure-policy", `oci:${layout}:1`, `docker://${image}`],
        crane: ["push", layout, image],
        oras: ["copy", "--from-oci-layout", `${layout}:1`, image],
      };
      if (!hasProgram(tool)) return;
      const pushed = await run(tool, args[tool], { env });
      expect([pushed.code === 0, pushed.output]).toEqual([isTaken, expect.anything()]);
    });

    it.skipIf(!hasProgram("dockerd"))("dockerd logs in, pulls and pushes", async () => {
      let folder = "";
      const docker = await journey.client(
        (surroundings) => {
          folder = surroundings.folder;
          return startDocker(surroundings);
        },
        entrepot.trust,
        entrepot.proxy,
      );
      const [user = "", password = ""] = carol.split(":");
      const login = await docker.command("login", "--username", user, "--password", password, host);
      expect([login.code, login.output]).toEqual([0, expect.stringContaining("Succeeded")]);
      const bad = await docker.command("login", "--username", user, "--password", "no", `${host}`);
      expect(bad.code).not.toBe(0);
      await writeLogin(folder, carol);
      expect((await docker.pull(`${host}/hers/app:1`)).code).toBe(0);
      await docker.command("tag", `${host}/hers/app:1`, `${host}/hers/from-docker:1`);
      const pushed = await docker.command("push", `${host}/hers/from-docker:1`);
      expect([pushed.code, pushed.output]).toEqual([0, expect.anything()]);
    });

    it("keeps every password out of its log", () => {
      expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
    });
  },
);

function loggedIn<C extends Client>(
  start: StartClient<C>,
  login: string | undefined,
): StartClient<C> {
  return async (surroundings) => {
    const client = await start(surroundings);
    await writeLogin(surroundings.folder, login);
    return client;
  };
}

async function pushCharts(folder: string, port: number): Promise<void> {
  const options = { env: { HOME: folder }, cwd: folder };
  await runWell("helm", ["create", "chart"], options);
  await runWell("helm", ["package", "chart", "--version", "1.0.0"], options);
  for (const part of ["shared", "hers"]) {
    const to = `oci://127.0.0.1:${port}/${part}`;
    await runWell("helm", ["push", "chart-1.0.0.tgz", to, "--plain-http"], options);
  }
}

/** Where docker, podman, skopeo and crane look for one. */
async function writeLogin(folder: string, login: string | undefined): Promise<void> {
  const auth = Buffer.from(login ?? "").toString("base64");
  const auths = login === undefined ? {} : { [host]: { auth } };
  for (const file of ["config.json", "no-credentials.json"]) {
    await writeFile(join(folder, file), JSON.stringify({ auths }));
  }
}

async function guard(
  kind: Kind,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = request;
  const { authorization, ...others } = headers;
  const refusal = refusalOf(kind, method, path, authorization);
  if (refusal !== undefined) {
    request.resume();
    const fields = { "docker-distribution-api-version": "registry/2.0" };
    const challenge = refusal === 401 ? { "www-authenticate": 'Basic realm="company"' } : {};
    response.writeHead(refusal, { ...fields, ...challenge }).end();
    return;
  }
  const asked = plainRequest({ host: "127.0.0.1", port, method, path, headers: others });
  const sent = pipeline(request, asked);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  await Promise.all([sent, pipeline(answer, response)]);
}

function refusalOf(kind: Kind, method: string, path: string, authorization?: string) {
  if (authorization === undefined && path === "/v2/" && kind === "lets every ping in")
    return undefined;
  const login = Buffer.from(authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
  if (login === carol) return undefined;
  if (login !== robot) return 401;
  const isRead = method === "GET" || method === "HEAD";
  return isRead && !path.startsWith("/v2/hers/") ? undefined : 403;
}
