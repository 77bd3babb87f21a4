/** TLS_CLIENT_CA: who shows no certificate of it gets nothing of the mirror, and is told why. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkHealth } from "../../src/app/commands/health.ts";
import { type Certificate, makeAuthority } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { type Answer, ask, direct } from "./support/client.ts";
import { addImage, type Image } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const day = 86_400_000;
const hub = "hub.test";

let scene: Scene;
let registry: NamedRegistry;
let image: Image;
const clients = makeAuthority("Clients");

beforeAll(async () => {
  scene = await Scene.open();
  registry = await scene.registry("reg.test");
  image = addImage(registry.server, "team/app");
  await writeFile(join(scene.folder, "clients.pem"), clients.ca);
});
afterAll(() => scene.close());

type Door = Program & { readonly tlsPort: number };

async function start(name: string, settings: Readonly<Record<string, string>> = {}) {
  const tlsPort = await freePort();
  const program = await scene.start({
    ...{ DATA_DIR: join(scene.folder, name), TLS_PORT: String(tlsPort) },
    ...{ REGISTRIES: registry.name, MIRROR_HOSTS: `${hub}=${registry.name}` },
    TLS_CLIENT_CA: join(scene.folder, "clients.pem"),
    ...settings,
  });
  return { ...program, tlsPort };
}

type Shown = Pick<Certificate, "cert" | "key"> | undefined;

async function handshake({ tlsPort, ca }: Door, shown: Shown, more = {}): Promise<TLSSocket> {
  const trust = { ca: [ca, scene.issue("x").ca], servername: hub };
  const tls = connectTls({ port: tlsPort, host: "127.0.0.1", ...shown, ...trust, ...more });
  await once(tls, "secureConnect");
  return tls;
}

async function pull(door: Door, shown: Shown, path = `/v2/team/app/blobs/${image.layer}`) {
  return await ask(await handshake(door, shown), path, {}, hub);
}

function messageOf({ body }: Answer): string {
  const { errors } = JSON.parse(body.toString()) as { errors: { message: string }[] };
  return errors[0]?.message ?? "";
}

const right = () => clients.issue(["laptop"], { isClients: true });

describe.each([
  ["a leaf of the CA", {}],
  ["a certificate of its own", { isOwn: true }],
])(
  "a listener that takes clients with certificates alone, itself with %s",
  (_name, {
    isOwn,
  }: {
    isOwn?: boolean;
  }) => {
    let door: Door;
    beforeAll(async () => {
      const { cert, key } = scene.issue(hub);
      await writeFile(join(scene.folder, "cert.pem"), cert + key);
      const own = { TLS_CERT: join(scene.folder, "cert.pem") };
      door = await start(isOwn ? "own" : "leaf", isOwn ? own : {});
    });

    it("serves who has a certificate", async () => {
      expect((await pull(door, right())).status).toBe(200);
    });

    it.each<readonly [string, () => Shown, RegExp]>([
      ["none", () => undefined, /none was shown/],
      [
        "one of another CA with the same name",
        () => makeAuthority("Clients").issue(["laptop"], { isClients: true }),
        /not one that TLS_CLIENT_CA/,
      ],
      [
        "one that has expired",
        () => {
          const notBefore = new Date(Date.now() - 2 * day);
          const notAfter = new Date(Date.now() - day);
          return clients.issue(["laptop"], { isClients: true, notBefore, notAfter });
        },
        /has expired/,
      ],
      ["a server's", () => clients.issue(["server"]), /not one that TLS_CLIENT_CA/],
      ["the listener's own", () => scene.issue(hub), /not one that TLS_CLIENT_CA/],
    ])("refuses who shows %s, in words", async (_what, shown, sentence) => {
      for (const path of ["/v2/", `/v2/team/app/blobs/${image.layer}`, "/ca.crt", "/"]) {
        const answer = await pull(door, shown(), path);
        expect(answer.status).toBe(403);
        expect(messageOf(answer)).toMatch(sentence);
      }
    });

    it.each(["TLSv1.2", "TLSv1.3"] as const)(
      "takes no resumed session of %s for a certificate",
      async (version) => {
        const only = { minVersion: version, maxVersion: version };
        const first = await handshake(door, undefined, only);
        const sessions: Buffer[] = [];
        first.on("session", (one: Buffer) => sessions.push(one));
        expect((await ask(first, "/v2/", {}, hub)).status).toBe(403);
        const session = sessions[0] ?? first.getSession();
        const again = await handshake(door, undefined, { ...only, session });
        expect(again.isSessionReused()).toBe(false);
        expect((await ask(again, "/v2/", {}, hub)).status).toBe(403);
      },
    );
  },
);

describe("what goes on beside it", () => {
  it("this machine's own clients and its health, over the plain port", async () => {
    const door = await start("beside");
    expect((await direct(door, "/readyz")).status).toBe(200);
    const lines: string[] = [];
    const say = (line: string) => void lines.push(line);
    const place = { host: "127.0.0.1", port: door.port };
    expect(await checkHealth({ place, print: say, fail: say })).toBe(0);
    const path = `/v2/team/app/blobs/${image.layer}`;
    expect((await direct(door, path, { headers: { host: hub } })).status).toBe(200);
  });

  it("refuses the mirror over the plain port to who is on another machine", async () => {
    const door = await start("plain", { TRUSTED_PROXIES: "127.0.0.1" });
    const status = async (path: string) => {
      const socket = connect(door.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("PROXY TCP4 10.1.2.3 10.0.0.1 51234 3128\r\n");
      return await ask(socket, path, {}, hub);
    };
    const refused = await status(`/v2/team/app/blobs/${image.layer}`);
    expect(refused.status).toBe(403);
    expect(messageOf(refused)).toMatch(/answer on TLS_PORT alone/);
    expect((await status("/ca.crt")).status).toBe(200);
    expect((await status("/readyz")).status).toBe(200);
  });
});
