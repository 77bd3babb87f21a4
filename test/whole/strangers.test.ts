/** A registry that nobody named leads nobody into the operator's own network, whatever it says. */
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { redirect } from "../support/fake-registry/fault.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { manifestType } from "./support/image.ts";
import {
  type NamedRegistry,
  type Program,
  type RegistryOptions,
  Scene,
} from "./support/program.ts";

const vault = "vault.test";
const secret = `https://${vault}/v2/secret/manifests/1`;
const digest = digestOf(Buffer.from("x"));

let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open();
  // Of the operator's own network, where nothing answers: who is let in there waits in vain.
  scene.names.set(vault, ["10.255.255.1"]);
});

async function open(isNamed: boolean, options: RegistryOptions = {}, others = "") {
  const registry = await scene.registry("stranger.test", {
    port: 443,
    host: "127.0.0.86",
    ...options,
  });
  const named = isNamed ? ` ${registry.name}` : "";
  const program = await scene.start({
    REGISTRIES: `${vault}${named} ${others}`,
    ...paired(others),
  });
  return { registry, program };
}

/** A registry that was named sends on to the stranger. */
async function chained(kind: string, options: RegistryOptions = {}) {
  const { registry: stranger, program } = await open(false, options, "public.test");
  const named = await scene.registry("public.test", { port: 443, host: "127.0.0.87" });
  const path = `/v2/a/b/${kind}/${kind === "blobs" ? digest : "1"}`;
  named.server.misbehave({ path: new RegExp(kind) }, redirect(`https://stranger.test${path}`));
  return { stranger, program, named, path };
}

/** The vault is the token service of a registry that was named. */
const paired = (other: string) => (other === "" ? {} : { AUTH_REALMS: `${other}=${vault}` });

const ask = (program: Program, { name }: NamedRegistry, path: string): Promise<Answer> =>
  viaProxy(program, name, path, { headers: { accept: manifestType } });

const said = ({ status, body }: Answer) => [status, String(body)];
const unsaid = (host: string) => [
  502,
  expect.stringContaining(
    `the registry leads to ${host}, which cannot be reached; the proxy's log says why`,
  ),
];

/** An address says what it is by itself. */
const literal = [403, expect.stringContaining("10.255.255.1 is a private address")];

/** The log's line has what the client did not hear. */
const logged = (program: Program, why: string) =>
  eventually(() => expect(program.lines.filter((line) => line.includes(why))).not.toEqual([]));

// Only at the usual ports may somebody be asked whom nobody named.
describe.skipIf(process.getuid?.() !== 0)("a stranger's", () => {
  it("blob redirect does not reach a private host that the operator named", async () => {
    const { registry, program } = await open(false);
    registry.server.misbehave({ path: /blobs/ }, redirect(secret));
    expect(said(await ask(program, registry, `/v2/a/b/blobs/${digest}`))).toEqual(unsaid(vault));
    await logged(program, `${vault} is a private address; stranger.test, which leads there`);
  });

  it("manifest redirect does not reach a private host that the operator named", async () => {
    const { registry, program } = await open(false);
    registry.server.misbehave({ path: /manifests/ }, redirect(secret));
    expect(said(await ask(program, registry, "/v2/a/b/manifests/1"))).toEqual(unsaid(vault));
    await logged(program, `${vault} is a private address; stranger.test, which leads there`);
  });

  it("registry that redirects learns from no client which names there are in here, or where", async () => {
    const { registry, program } = await open(false);
    scene.names.set("inside.corp.test", ["10.255.255.2"]);
    const told: unknown[] = [];
    for (const host of ["inside.corp.test", "nothing.corp.test"]) {
      registry.server.misbehave({ path: /blobs/ }, redirect(`https://${host}/x`));
      const answer = await ask(program, registry, `/v2/a/b/blobs/${digest}`);
      expect(said(answer)).toEqual(unsaid(host));
      const { status, reason, headers, body } = answer;
      const cached = headers["cache-status"];
      told.push([status, reason.replace(host, ""), cached, String(body).replaceAll(host, "")]);
    }
    expect(told[0]).toEqual(told[1]);
  });

  it("realm does not reach a private host that the operator named", async () => {
    const auth = () => ({ kind: "bearer" as const, realm: `https://${vault}/secret?a=b` });
    const { program } = await open(false, { auth });
    await direct(program, "/v2/a/b/manifests/1?ns=stranger.test", {
      headers: { accept: manifestType },
    });
    const told = await eventually(() => {
      const lines = program.lines.filter((line) => /token service/.test(line));
      expect(lines.filter((line) => line.includes(vault))).not.toEqual([]);
      return lines.filter((line) => line.includes(vault));
    });
    for (const line of told) expect(line).toContain(`${vault} is a private address`);
  });

  it.each(["blobs", "manifests"])(
    "redirect of %s to a registry that was named does not reach that one's private token service",
    async (kind) => {
      const { registry, program } = await open(false, {}, "public.test");
      const realm = `https://${vault}/token`;
      const target = await scene.registry("public.test", {
        ...{ port: 443, host: "127.0.0.87" },
        auth: () => ({ kind: "bearer" as const, realm }),
      });
      const path = `/v2/a/b/${kind}/${kind === "blobs" ? digest : "1"}`;
      registry.server.misbehave({ path: new RegExp(kind) }, redirect(`https://public.test${path}`));
      await ask(program, registry, path);
      expect(target.server.count({ path: new RegExp(kind) })).toBeGreaterThan(0);
      const told = await eventually(() => {
        const lines = program.lines.filter((line) => line.includes("token service"));
        expect(lines).not.toEqual([]);
        return lines;
      });
      for (const line of told)
        expect(line).toContain("stranger.test, which leads there, is not in");
    },
    30_000,
  );

  it("realm learns from no client either which names there are", async () => {
    scene.names.set("inside.corp.test", ["10.255.255.2"]);
    const told: unknown[] = [];
    for (const host of ["inside.corp.test", "nothing.corp.test"]) {
      const auth = () => ({ kind: "bearer" as const, realm: `https://${host}/token` });
      const at = await Scene.open();
      for (const [name, addresses] of scene.names) at.names.set(name, addresses);
      const registry = await at.registry("stranger.test", { port: 443, host: "127.0.0.86", auth });
      const program = await at.start();
      const answers = [
        await ask(program, registry, "/v2/a/b/manifests/1"),
        await direct(program, "/v2/a/b/manifests/1?ns=stranger.test"),
      ];
      const plain = (text: string): string => text.replaceAll(host, "it");
      told.push(
        answers.map(({ status, reason, headers, body }) => [
          ...[status, plain(reason), plain(String(body))],
          ...[headers["cache-status"], plain(String(headers["www-authenticate"]))],
        ]),
      );
      await at.close();
    }
    expect(told[0]).toEqual(told[1]);
  });

  it.each([
    ["blobs", secret, unsaid(vault)],
    ["manifests", secret, unsaid(vault)],
    ["blobs", "https://10.255.255.1/page", literal],
  ])(
    "redirect of %s to %s leads nobody in who came from a named one",
    async (kind, inside, why) => {
      const { stranger, program, named, path } = await chained(kind);
      stranger.server.misbehave({ path: new RegExp(kind) }, redirect(inside));
      expect(said(await ask(program, named, path))).toEqual(why);
    },
  );

  it.each(["blobs", "manifests"])(
    "realm leads nobody in whose %s a named one has sent there",
    async (kind) => {
      const auth = () => ({ kind: "bearer" as const, realm: `https://${vault}/secret` });
      const { stranger, program, named, path } = await chained(kind, { auth });
      await ask(program, named, path);
      expect(stranger.server.count({ path: new RegExp(kind) })).toBeGreaterThan(0);
      const told = await eventually(() => {
        const lines = program.lines.filter((line) => line.includes("token service"));
        expect(lines).not.toEqual([]);
        return lines;
      });
      for (const line of told)
        expect(line).toContain("stranger.test, which leads there, is not in");
    },
    30_000,
  );

  it.each(["blobs", "manifests"])(
    "%s are redirected there by a registry that was named",
    async (kind) => {
      const { registry, program } = await open(true);
      registry.server.misbehave({ path: new RegExp(kind) }, redirect(secret));
      const path = `/v2/a/b/${kind}/${kind === "blobs" ? digest : "1"}`;
      expect((await ask(program, registry, path)).status).toBeGreaterThan(500);
    },
    30_000,
  );
});
