/** The whole program with its records at Redis or PostgreSQL, on good days and bad ones. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backUp } from "../../../src/app/commands/backup.ts";
import type { Terminal } from "../../../src/app/commands/carrying.ts";
import { restore } from "../../../src/app/commands/restore.ts";
import { eventually } from "../../support/eventually.ts";
import { postgresServer, redisServer } from "../../support/record-servers.ts";
import { sharedSettings } from "../../support/shared-settings.ts";
import { direct, viaProxy } from "../support/client.ts";
import { HostedClient, newImage } from "../support/hosted.ts";
import { addImage, manifestType } from "../support/image.ts";
import { authorization, type Login } from "../support/login.ts";
import { type NamedRegistry, type Program, Scene } from "../support/program.ts";

const host = "registry.lan";
const hosting = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };
const alice: Login = ["alice", "CANARY-alice"];

async function startedWith(scene: Scene, RECORDS: string, more: Record<string, string> = {}) {
  const shared = await sharedSettings(scene);
  return scene.start({ ...shared, RECORDS, ...more }).catch((error: unknown) => error as Error);
}

function running(program: Program | Error): Program {
  if (program instanceof Error) throw program;
  return program;
}

async function bodyOf(program: Program, { name }: NamedRegistry, path: string) {
  const answer = await viaProxy(program, name, path, { headers: { accept: manifestType } });
  return { status: answer.status, how: String(answer.headers["cache-status"]) };
}

const redisAt = (port: number) => `redis://127.0.0.1:${port}/0`;
const postgresAt = (port: number) => `postgres://entrepot@127.0.0.1:${port}/postgres`;

describe.each([
  ["Redis", redisServer, redisAt],
  ["PostgreSQL", postgresServer, postgresAt],
])("pulls with records in %s", (_, open, at) => {
  it("go on while it is killed, stands still or starts again, and /readyz says so", async () => {
    const [scene, server] = [await Scene.open(), await open()];
    await server.start();
    const registry = await scene.registry("registry.test");
    const images = Array.from({ length: 6 }, (__, index) =>
      addImage(registry.server, `team/app${index}`),
    );
    const program = running(
      await startedWith(scene, at(server.port), { REGISTRIES: registry.name, TAG_TTL: "0 s" }),
    );
    const pull = async (index: number) => {
      const image = images[index % images.length];
      for (const path of ["manifests/1", `manifests/${image?.manifest}`, `blobs/${image?.layer}`]) {
        const from = performance.now();
        const { status } = await bodyOf(program, registry, `/v2/${image?.repository}/${path}`);
        expect([path, status]).toEqual([path, 200]);
        expect(performance.now() - from).toBeLessThan(5_000);
      }
    };
    await pull(0);
    await server.process.pause();
    await Promise.all([pull(0), pull(1)]);
    server.process.signal("SIGCONT");
    await server.process.kill();
    await Promise.all([pull(1), pull(2)]);
    const ready = async () => (await direct(program, "/readyz")).body.toString();
    expect(await ready()).toMatch(/the records are away/);
    await server.start();
    await eventually(async () => expect(await ready()).not.toMatch(/away/), { withinMs: 5_000 });
    await server.startEmpty();
    await Promise.all([pull(2), pull(3), pull(0)]);
    expect(program.lines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  it("start without it, and remember once it is there", async () => {
    const [scene, server] = [await Scene.open(), await open()];
    const registry = await scene.registry("registry.test");
    const image = addImage(registry.server, "team/app");
    const from = performance.now();
    const program = running(
      await startedWith(scene, at(server.port), { REGISTRIES: registry.name }),
    );
    expect(performance.now() - from).toBeLessThan(10_000);
    const path = `/v2/team/app/manifests/${image.manifest}`;
    expect((await bodyOf(program, registry, path)).status).toBe(200);
    await server.start();
    await eventually(
      () => expect(program.lines.some((line) => line.includes("the records are back"))).toBe(true),
      { withinMs: 10_000 },
    );
    await program.stop();
    const again = running(await startedWith(scene, at(server.port), { REGISTRIES: registry.name }));
    expect(await bodyOf(again, registry, path)).toMatchObject({
      status: 200,
      how: expect.stringContaining("hit"),
    });
    expect(existsSync(join(program.dataDir, "records.sqlite"))).toBe(false);
    expect(existsSync(join(program.dataDir, "records.owed"))).toBe(false);
  });
});

describe("pushes with records in PostgreSQL", () => {
  it("are there after a restart, and refused while it is away", async () => {
    const [scene, server] = [await Scene.open(), await postgresServer()];
    await server.start();
    const program = running(await startedWith(scene, postgresAt(server.port), hosting));
    const client = new HostedClient(program, host);
    const [first, second] = [newImage(), newImage()];
    expect((await client.push("team/app", "1", first)).status).toBe(201);
    expect(existsSync(join(program.dataDir, "hosted.sqlite"))).toBe(false);
    await server.process.kill();
    const refused = await client.pushBlob("team/app", second.layer);
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    expect((await client.get("/v2/team/app/manifests/1")).status).toBe(200);
    await server.start();
    await eventually(
      async () => expect((await client.push("team/app", "2", second)).status).toBe(201),
      { withinMs: 5_000 },
    );
    await program.stop();
    const again = running(await startedWith(scene, postgresAt(server.port), hosting));
    for (const tag of ["1", "2"]) {
      const answer = await new HostedClient(again, host).get(`/v2/team/app/manifests/${tag}`);
      expect(answer.status).toBe(200);
    }
  });

  it("made while records were files move there, with a word of it", async () => {
    const [scene, server] = [await Scene.open(), await postgresServer()];
    await server.start();
    const shared = await sharedSettings(scene);
    const before = await scene.start({ ...shared, ...hosting });
    const image = newImage();
    await new HostedClient(before, host).push("team/app", "1", image);
    await before.stop();
    const after = running(await startedWith(scene, postgresAt(server.port), hosting));
    const pulled = await new HostedClient(after, host).get("/v2/team/app/manifests/1");
    expect(pulled.body.equals(image.manifest)).toBe(true);
    expect(existsSync(join(after.dataDir, "hosted.sqlite"))).toBe(false);
    expect(existsSync(join(after.dataDir, "hosted.sqlite.moved"))).toBe(true);
    await after.stop();
    // Without the server's address nobody knows any more what is not to be thrown away.
    await expect(scene.start({ ...shared, ...hosting })).rejects.toThrow("hosted.sqlite is gone");
  });

  it("are in a backup, of a running server and of none, which begins anew elsewhere", async () => {
    const [scene, server] = [await Scene.open(), await postgresServer()];
    await server.start();
    const program = running(await startedWith(scene, postgresAt(server.port), hosting));
    const image = newImage();
    await new HostedClient(program, host).push("team/app", "1", image);
    const quiet = { isTTY: false, write: () => true };
    const terminal = { stdout: quiet, stderr: quiet } as unknown as Terminal;
    const environment = { RECORDS: postgresAt(server.port), ...(await sharedSettings(scene)) };
    const asked = { dataDir: program.dataDir, settingsFile: undefined, envFile: undefined };
    const backup = (name: string) =>
      backUp({ ...asked, environment }, join(scene.folder, name), terminal);
    expect(await backup("running")).toBe(0);
    await program.stop();
    expect(await backup("stopped")).toBe(0);
    for (const name of ["running", "stopped"]) {
      await server.startEmpty();
      const DATA_DIR = join(scene.folder, `${name}-restored`);
      const elsewhere = { ...asked, dataDir: DATA_DIR, environment: {} };
      expect(await restore(elsewhere, join(scene.folder, name), terminal)).toBe(0);
      const again = running(
        await startedWith(scene, postgresAt(server.port), { ...hosting, DATA_DIR }),
      );
      const pulled = await new HostedClient(again, host).get("/v2/team/app/manifests/1");
      expect(pulled.body.equals(image.manifest)).toBe(true);
      await again.stop();
    }
  });

  it("are not begun anew where the database has lost them", async () => {
    const [scene, server] = [await Scene.open(), await postgresServer()];
    await server.start();
    const program = running(await startedWith(scene, postgresAt(server.port), hosting));
    await new HostedClient(program, host).push("team/app", "1", newImage());
    await program.stop();
    await server.startEmpty();
    const refused = await startedWith(scene, postgresAt(server.port));
    expect(String(refused)).toContain("what was pushed here is gone from postgres://127.0.0.1");
  });
});

describe("pushes with records in Redis", () => {
  it("are not begun where it may forget, and Postgres is named", async () => {
    const [scene, server] = [await Scene.open(), await redisServer()];
    await server.start();
    const refused = await startedWith(scene, redisAt(server.port), hosting);
    expect(String(refused)).toMatch(/write appendonly yes in its settings, or use Postgres/);
    await server.asOperator((redis) => redis.config("SET", "appendonly", "yes"));
    await server.asOperator((redis) => redis.config("SET", "maxmemory-policy", "allkeys-lru"));
    const still = await startedWith(scene, redisAt(server.port), hosting);
    expect(String(still)).toMatch(/write maxmemory-policy noeviction in its settings/);
    await server.asOperator((redis) => redis.config("SET", "maxmemory-policy", "noeviction"));
    const program = running(await startedWith(scene, redisAt(server.port), hosting));
    const client = new HostedClient(program, host);
    expect((await client.push("team/app", "1", newImage())).status).toBe(201);
  });
});

describe("pushes with records in a Redis that does not show its settings", () => {
  it("are taken, with a warning of what has to stand there", async () => {
    const [scene, server] = [await Scene.open(), await redisServer()];
    await server.start();
    await server.asOperator((redis) =>
      redis.call("ACL", "SETUSER", "app", "on", ">CANARY-app", "~*", "+@all", "-config"),
    );
    const url = `redis://app:CANARY-app@127.0.0.1:${server.port}/0`;
    const program = running(await startedWith(scene, url, hosting));
    expect(program.warnings).toContain(
      "Redis does not let us read its settings: what was pushed here is safe only with appendonly yes and maxmemory-policy noeviction",
    );
    expect(program.lines.filter((line) => line.includes("CANARY-app"))).toEqual([]);
    const pushed = await new HostedClient(program, host).push("team/app", "1", newImage());
    expect(pushed.status).toBe(201);
  });
});

describe("a server of records that wants TLS and a password", () => {
  it("is Redis: it gets both, the log has neither, and a stranger's certificate is refused", async () => {
    const scene = await Scene.open();
    const { cert, key } = scene.issue("127.0.0.1", "localhost");
    const files = { cert: join(scene.folder, "redis.crt"), key: join(scene.folder, "redis.key") };
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
    const ca = join(scene.folder, "upstream-ca.pem");
    const tls = ["--tls-cert-file", files.cert, "--tls-key-file", files.key];
    const server = await redisServer({
      args: ["--requirepass", "CANARY-redis", "--tls-auth-clients", "no", "--tls-ca-cert-file", ca]
        .concat(tls)
        .concat("--tls-port", "0"),
      password: "CANARY-redis",
    });
    await server.start();
    const tlsPort = String(server.port + 1);
    await server.asOperator((redis) => redis.config("SET", "tls-port", tlsPort));
    const url = `rediss://:CANARY-redis@localhost:${tlsPort}/2`;
    const program = running(await startedWith(scene, url));
    expect(program.lines.filter((line) => /CANARY-redis|are away/.test(line))).toEqual([]);
    await program.stop();

    const wrong = running(await startedWith(scene, url.replace("CANARY-redis", "CANARY-wrong")));
    await eventually(() => expect(wrong.lines.join("\n")).toMatch(/WRONGPASS/));
    expect(wrong.lines.join("\n")).not.toContain("CANARY-wrong");
    await wrong.stop();

    const others = (await Scene.open()).issue("x");
    await writeFile(join(scene.folder, "upstream-ca.pem"), others.ca);
    const strange = running(await startedWith(scene, url));
    await eventually(() => expect(strange.lines.join("\n")).toMatch(/certificate/));
  });

  it("is PostgreSQL: the same", async () => {
    const scene = await Scene.open();
    const server = await postgresServer({
      settings: { ssl: "on", ssl_cert_file: "server.crt", ssl_key_file: "server.key" },
    });
    const { cert, key } = scene.issue("127.0.0.1", "localhost");
    await server.write("server.crt", cert);
    await server.write("server.key", key);
    await server.start();
    await server.asOperator((client) => client.query("CREATE ROLE app LOGIN PASSWORD 'CANARY-pg'"));
    await server.asOperator((client) => client.query("CREATE DATABASE app OWNER app"));
    await server.write(
      "pg_hba.conf",
      "hostssl all app all scram-sha-256\nhost all entrepot all trust\n",
    );
    await server.asOperator((client) => client.query("SELECT pg_reload_conf()"));
    const url = `postgres://app:CANARY-pg@localhost:${server.port}/app?sslmode=verify-full`;
    const program = running(await startedWith(scene, url, hosting));
    expect(program.lines.filter((line) => /CANARY-pg|are away/.test(line))).toEqual([]);
    const pushed = await new HostedClient(program, host).push("team/app", "1", newImage());
    expect(pushed.status).toBe(201);
    await program.stop();
    const wrong = await startedWith(scene, url.replace("CANARY-pg", "CANARY-wrong"), hosting);
    expect(String(wrong)).toMatch(/password authentication failed/);
    expect(String(wrong)).not.toContain("CANARY-wrong");
    const plain = await startedWith(scene, url.replace("verify-full", "disable"), hosting);
    expect(String(plain)).toMatch(/no encryption/);
  });
});

/** A repository that was open when its proof was written, and whose registry says no from then on. */
async function closedRepository(args: readonly string[]) {
  const [scene, server] = [await Scene.open(), await redisServer({ args })];
  await server.start();
  const members: Record<string, string[]> = {};
  const registry = await scene.registry("guarded.test", {
    auth: (origin) => ({ kind: "bearer" as const, realm: `${origin}/token`, members }),
  });
  const image = addImage(registry.server, "corp/closing");
  const settings = { REGISTRIES: registry.name, TAG_TTL: "1 h" };
  const start = async () => running(await startedWith(scene, redisAt(server.port), settings));
  const ask = async (asked: Program, fields = {}) => {
    const headers = { accept: manifestType, ...fields };
    const path = `/v2/corp/closing/manifests/1`;
    return (await viaProxy(asked, registry.name, path, { headers })).status;
  };
  const program = await start();
  const token = await authorization(program, registry.name, image.repository);
  expect(await ask(program, { authorization: token })).toBe(200);
  // As everybody may have it, nobody is asked for a token any more.
  await eventually(async () => expect(await ask(program)).toBe(200));
  await eventually(() =>
    server.asOperator(async (redis) => {
      expect(await redis.keys("entrepot:visibility/*")).toHaveLength(1);
      expect(await redis.keys("entrepot:tag/*")).toHaveLength(1);
    }),
  );
  const close = async () => {
    members["corp/closing"] = ["alice"];
    scene.aheadMs += 400_000;
    await eventually(async () =>
      expect(await ask(program, { "cache-control": "no-cache" })).toBe(401),
    );
  };
  return { server, program, start, ask, close };
}

describe("an image that its registry has closed", () => {
  it("stays so when Redis comes back with what it had saved before", async () => {
    const { server, program, start, ask, close } = await closedRepository([]);
    await server.asOperator((redis) => redis.save());
    await close();
    await server.stop();
    await server.start();
    await program.stop();
    expect(await ask(await start())).toBe(401);
  });

  it("stays so when Redis was away as it was closed, and all of us start again", async () => {
    const { server, program, start, ask, close } = await closedRepository(["--appendonly", "yes"]);
    await server.stop();
    await close();
    await program.stop();
    await server.start();
    expect(await ask(await start())).toBe(401);
  });
});

/** 32 bits at a time, always the same from the same seed. */
function drawing(seed: number): (most: number) => number {
  let state = seed * 2_654_435_761;
  return (most) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) >>> 0;
    return (state >>> 8) % most;
  };
}

function faultsOf(server: Awaited<ReturnType<typeof redisServer>>): (() => Promise<void> | void)[] {
  return [
    () => server.process.pause(),
    () => server.process.signal("SIGCONT"),
    () => server.process.kill(),
    () => server.process.kill().then(() => server.start()),
    () => server.startEmpty(),
    async () => {
      await server.asOperator((redis) => redis.save()).catch(() => undefined);
    },
  ];
}

describe.each([1, 2])("a private image, whatever happens to Redis (%s)", (seed) => {
  it("is never a stranger's, nor is one any more whose registry has said no", async () => {
    const draw = drawing(seed);
    const [scene, server] = [await Scene.open(), await redisServer()];
    await server.start();
    const members: Record<string, string[]> = { "corp/secret": ["alice"] };
    const registry = await scene.registry("guarded.test", {
      auth: (origin) => ({
        ...{ kind: "bearer" as const, realm: `${origin}/token`, members },
        users: Object.fromEntries([alice]),
      }),
    });
    const images = ["corp/secret", "corp/closing"].map((name) => addImage(registry.server, name));
    const settings = { REGISTRIES: registry.name, TAG_TTL: "1 h" };
    let program = running(await startedWith(scene, redisAt(server.port), settings));
    const pull = async (image: (typeof images)[number], login?: Login, fields = {}) => {
      const token = await authorization(program, registry.name, image.repository, login);
      const headers = { authorization: token ?? "", accept: manifestType, ...fields };
      const paths = ["manifests/1", `manifests/${image.manifest}`, `blobs/${image.layer}`];
      const path = paths[draw(paths.length)];
      return viaProxy(program, registry.name, `/v2/${image.repository}/${path}`, { headers });
    };
    let isClosed = false;
    const faults = [
      ...faultsOf(server),
      async () => {
        await program.stop();
        program = running(await startedWith(scene, redisAt(server.port), settings));
      },
    ];
    // What the registry allowed before it lets in until it expires; whoever makes it say no, it is heard.
    const close = async () => {
      members["corp/closing"] = ["alice"];
      scene.aheadMs += 400_000;
      const headers = { accept: manifestType, "cache-control": "no-cache" };
      const path = "/v2/corp/closing/manifests/1";
      await eventually(async () => {
        const said = await viaProxy(program, registry.name, path, { headers });
        expect([401, 403]).toContain(said.status);
      });
    };
    for (let step = 0; step < 16; step += 1) {
      await faults[draw(2 * faults.length)]?.();
      if (step === 7) {
        await close();
        isClosed = true;
      }
      for (const image of images) {
        await pull(image, alice);
        const isPrivate = image.repository === "corp/secret" || isClosed;
        const { status } = await pull(image);
        expect([seed, step, image.repository, status === 200]).toContain(!isPrivate);
      }
    }
  });
});

it("records at a server are refused without the keys that all who share them need", async () => {
  const scene = await Scene.open();
  await expect(scene.start({ RECORDS: "redis://127.0.0.1:1" })).rejects.toThrow(
    "RECORDS is at a server that others can share; write CA_CERT, CA_KEY, TOKEN_SECRET too",
  );
  expect(await readFile(join(scene.folder, "upstream-ca.pem"), "utf8")).toContain("BEGIN");
});
