/** Whatever way it is asked, the program never connects to where it has no business. */
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redirect } from "../support/fake-registry/fault.ts";
import { freePort } from "../support/free-port.ts";
import { converse, dial, direct, tunnel, viaProxy } from "./support/client.ts";
import { type CountingListener, countingListener } from "./support/counting-listener.ts";
import { addImage } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .filter(({ internal, scopeid }) => !internal && !scopeid)
  .map(({ address }) => (address.includes(":") ? `[${address}]` : address));

/** As a CONNECT, an absolute URL or a mirror's `ns` may spell them. */
const literals: readonly string[] = [
  ...["127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.1.2.3"],
  ...["169.254.169.254", "169.254.170.2", "169.254.1.1", "100.100.100.200", "168.63.129.16"],
  ...["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1"],
  ...["192.0.0.192", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"],
  ...["[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"],
  ...["[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"],
  ...["[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]"],
  ...["[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd20:ce::254]"],
  ...["[ff02::1]", "[100::1]", "[2001::1]", "[2001:10::1]"],
  ...["0x7f.1", "0x7f000001", "0177.0.0.1", "2130706433", "127.1", "127.0.1", "017700000001"],
  ...["127.0.0.1.", "0x7f.0x0.0x0.0x1", "127.000.000.001", "::1", "127.0.0.1%00", "127.0.0.1@x"],
  ...["\u2460\u2461\u2466.0.0.1", "169\u3002254\u3002169\u3002254", "LOCALHOST", "localhost"],
  ...["localhost.", "localhost.localdomain", "%6c%6fcalhost", "127.0.0.1#x", "x@127.0.0.1"],
  ...own,
];

/** Names whose owner lets them point wherever he likes. */
const rebinding: Readonly<Record<string, readonly string[]>> = {
  "loop.evil.test": ["127.0.0.1"],
  "loop6.evil.test": ["::1"],
  "mapped.evil.test": ["::ffff:127.0.0.1"],
  "nat64.evil.test": ["64:ff9b::7f00:1"],
  "wild.evil.test": ["0.0.0.0"],
  "meta.evil.test": ["169.254.169.254"],
  "local.evil.test": ["fe80::1"],
  "lan.evil.test": ["10.1.2.3", "192.168.0.1", "fd00::1"],
  "several.evil.test": ["127.0.0.1", "::1", "169.254.169.254"],
};

let scene: Scene;
let program: Program;
let inside: CountingListener & { close: () => void };
let good: NamedRegistry;
let adminPort: number;

beforeAll(async () => {
  scene = await Scene.open();
  inside = await countingListener();
  adminPort = await freePort();
  good = await scene.registry("good.test", { host: "127.0.0.2" });
  for (const [name, addresses] of Object.entries(rebinding)) scene.names.set(name, addresses);
  scene.names.set("localhost", ["127.0.0.1", "::1"]);
  program = await scene.start({
    ADMIN_PORT: String(adminPort),
    REGISTRIES: `${good.name} *.named.test:${inside.port}`,
    TUNNEL_PORTS: `${inside.port} ${adminPort}`,
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.2/32",
  });
}, 60_000);

afterAll(async () => {
  await scene.close();
  inside.close();
});

const latin = (text: string): string => Buffer.from(text).toString("latin1");

async function statusOf(bytes: string): Promise<number> {
  const text = await converse(await dial(program.port), latin(bytes));
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
}

/** Those of `all` that were let in, or anywhere near. */
async function reachable(
  all: readonly string[],
  status: (host: string) => Promise<number>,
): Promise<readonly string[]> {
  const found = await Promise.all(
    all.map(async (host) => {
      const got = await status(host);
      return got >= 400 && got < 600 ? [] : [`${host}: ${got}`];
    }),
  );
  return found.flat();
}

const connectTo = (port: number) => (host: string) =>
  statusOf(
    `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\nUser-Agent: Go-http-client/1.1\r\n\r\n`,
  );

describe("addresses that are nobody's business", () => {
  const hosts = literals.filter((host) => host !== "127.0.0.2");

  it("are refused to CONNECT, however they are spelt", async () => {
    expect(literals.length).toBeGreaterThanOrEqual(60);
    expect(await reachable(hosts, connectTo(inside.port))).toEqual([]);
    expect(inside.reached).toEqual([]);
  });

  it("are refused to plain requests", async () => {
    const get = (host: string) =>
      statusOf(`GET http://${host}:${inside.port}/latest/meta-data HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(await reachable(hosts, get)).toEqual([]);
    expect(inside.reached).toEqual([]);
  });

  it("are refused to mirrors, by ns and by path", async () => {
    const byNamespace = (host: string) => {
      const target = `/v2/a/b/manifests/1?ns=${host}:${inside.port}`;
      return statusOf(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    };
    const byPath = (host: string) => {
      const target = `/v2/${host}:${inside.port}/a/b/manifests/1`;
      return statusOf(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    };
    expect(await reachable(hosts, byNamespace)).toEqual([]);
    expect(await reachable(hosts, byPath)).toEqual([]);
    expect(inside.reached).toEqual([]);
  });

  it("are refused behind names that resolve to them", async () => {
    const names = Object.keys(rebinding);
    for (const port of [inside.port, 443, 80]) {
      expect(await reachable(names, connectTo(port))).toEqual([]);
    }
    const get = (host: string) => statusOf(`GET http://${host}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(await reachable(names, get)).toEqual([]);
    const pull = async (host: string) =>
      (await direct(program, `/v2/a/b/manifests/1?ns=${host}`)).status;
    expect(await reachable(names, pull)).toEqual([]);
    expect(inside.reached).toEqual([]);
  });

  it("are refused to registries the operator named", async () => {
    scene.names.set("loop.named.test", ["127.0.0.1"]);
    const { status, reason, socket } = await tunnel(program, `loop.named.test:${inside.port}`);
    socket.destroy();
    expect([status, reason]).toEqual([403, expect.stringContaining("UPSTREAM_ALLOW_ADDRESSES")]);
    expect(inside.reached).toEqual([]);
  });

  it.each([
    (port: number) => `http://127.0.0.1:${port}/x`,
    (port: number) => `https://127.0.0.1:${port}/x`,
    (port: number) => `https://loop.evil.test:${port}/x`,
    (port: number) => `//[::1]:${port}/x`,
    () => "https://169.254.169.254/latest/meta-data",
    () => "http://169.254.169.254/latest/meta-data",
    () => "https://meta.evil.test/latest/meta-data",
    () => "https://loop.evil.test/",
  ])("are refused to a registry that redirects there (%#)", async (urlFor) => {
    const image = addImage(good.server, "team/app");
    good.server.misbehave({ path: /\/blobs\// }, redirect(urlFor(inside.port)));
    const answer = await viaProxy(program, good.name, `/v2/team/app/blobs/${image.layer}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body.includes("CANARY-inside")).toBe(false);
    expect(inside.reached).toEqual([]);
  });

  it("are never the second answer of a resolver that changes its mind", async () => {
    let asked = 0;
    scene.names.set("flips.test", () => (asked++ === 0 ? ["127.0.0.2"] : ["127.0.0.1"]));
    const first = await tunnel(program, `flips.test:${inside.port}`);
    const second = await tunnel(program, `flips.test:${inside.port}`);
    expect([first.status, second.status]).toEqual([200, 403]);
    for (const { socket } of [first, second]) socket.destroy();
    expect(inside.reached).toEqual(["::ffff:127.0.0.2"]);
  });
});

describe("the program itself", () => {
  it("does not lead to its back office", async () => {
    scene.names.set("office.test", ["127.0.0.1"]);
    const hosts = ["127.0.0.1", "localhost", "[::1]", "office.test", ...own];
    expect(await reachable(hosts, connectTo(adminPort))).toEqual([]);
    const get = (host: string) =>
      statusOf(`GET http://${host}:${adminPort}/metrics HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(await reachable(hosts, get)).toEqual([]);
  });

  it("does not connect to its own listener", async () => {
    scene.names.set("self.test", ["127.0.0.1"]);
    expect(await reachable(["self.test"], connectTo(program.port))).toEqual([]);
  });

  it.each([
    ["127.0.0.1", 25, "TUNNEL_PORTS"],
    ["169.254.169.254", 443, "UPSTREAM_ALLOW_ADDRESSES"],
    ["10.0.0.1", 443, "REGISTRIES"],
    ["lan.evil.test", 443, "REGISTRIES"],
  ])("names the setting that would allow %s port %i", async (host, port, setting) => {
    const { status, reason, socket } = await tunnel(program, `${host}:${port}`);
    socket.destroy();
    expect([status, reason]).toEqual([403, expect.stringContaining(setting)]);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(160);
  });
});
