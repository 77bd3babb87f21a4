/** Who may come in: addresses, logins, numbers, patience, and what our CA vouches for. */
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { stallAt } from "../support/fake-registry/fault.ts";
import { converse, dial, direct, secured, tunnel, viaProxy } from "./support/client.ts";
import { secretsIn } from "./support/evil-server.ts";
import { addImage } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { Scene } from "./support/program.ts";

/** An address of this machine that is not loopback: connections to it come from it. */
const outside = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

async function openHouse(settings: Readonly<Record<string, string>> = {}) {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app");
  const program = await scene.start({ REGISTRIES: name, ...settings });
  return { scene, program, name, server, image };
}

describe("ALLOW_CLIENTS", () => {
  it("refuses others at every door, and says what would let them in", async () => {
    const { program, name, server } = await openHouse({ ALLOW_CLIENTS: "10.11.12.0/24" });
    const plain = ["/", "/ca.crt", "/setup/docker", "/v2/", `/v2/${name}/team/app/manifests/1`];
    for (const path of [...plain, `http://${name}/v2/`]) {
      const answer = await direct(program, path);
      expect([path, answer.status]).toEqual([path, 403]);
      expect(answer.body.toString()).toContain("ALLOW_CLIENTS");
    }
    const { status, reason, socket } = await tunnel(program, name);
    socket.destroy();
    expect([status, reason]).toEqual([403, expect.stringContaining("ALLOW_CLIENTS")]);
    expect(server.connections).toBe(0);
  });

  it.skipIf(outside === undefined)("tells apart where clients come from", async () => {
    const { program } = await openHouse({ HOST: "0.0.0.0", ALLOW_CLIENTS: "127.0.0.0/8" });
    expect((await direct(program, "/v2/")).status).toBe(200);
    const socket = await dial(program.port, outside);
    const answer = await converse(socket, "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe("PROXY_AUTH", () => {
  const settings = { PROXY_AUTH: "carol:CANARY-proxy" };
  const login = basic(["carol", "CANARY-proxy"]);

  it("is asked for with 407 and a reason, and opens the proxy", async () => {
    const { program, name } = await openHouse(settings);
    for (const wrong of [undefined, basic(["carol", "CANARY-wrong"]), "Basic !", "Bearer x"]) {
      const headers = wrong === undefined ? {} : { "proxy-authorization": wrong };
      const { status, reason, socket } = await tunnel(program, name, headers);
      socket.destroy();
      expect([status, reason]).toEqual([407, expect.stringContaining("user:password@")]);
      const plain = await converse(
        await dial(program.port),
        `GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n${wrong === undefined ? "" : `Proxy-Authorization: ${wrong}\r\n`}\r\n`,
      );
      expect(plain).toMatch(/^HTTP\/1\.1 407 [\s\S]*Proxy-Authenticate: Basic/i);
    }
    const headers = { "proxy-authorization": login };
    const answer = await viaProxy(program, name, "/v2/team/app/manifests/1", { headers });
    expect(answer.status).toBe(200);
  });

  it("is never passed on, and never logged", async () => {
    const { scene, program, name, server } = await openHouse(settings);
    const plain = await scene.registry("plain.test", { isPlain: true });
    const other = await scene.start({
      ...settings,
      REGISTRIES: plain.name,
      DATA_DIR: `${scene.folder}/other`,
    });
    const both = `Proxy-Authorization: ${login}\r\nProxy-Authorization: ${login}\r\n`;
    const target = `http://${plain.name}/v2/team/app/manifests/1`;
    const request = `GET ${target} HTTP/1.1\r\nHost: ${plain.name}\r\n${both}Connection: close\r\n\r\n`;
    await converse(await dial(other.port), request);
    await viaProxy(program, name, "/v2/team/app/manifests/1", {
      headers: { "proxy-authorization": login },
    });
    const heard = [...server.requests, ...plain.server.requests].map(({ headers }) =>
      JSON.stringify(headers),
    );
    expect(heard.length).toBeGreaterThan(0);
    expect(secretsIn([...heard, ...program.lines, ...other.lines])).toEqual([]);
  });
});

describe("TRUSTED_PROXIES", () => {
  const settings = { TRUSTED_PROXIES: "127.0.0.0/8", ALLOW_CLIENTS: "10.1.0.0/16" };

  it("say whom they speak for, and that is who is let in", async () => {
    const { program, name } = await openHouse(settings);
    const ask = async (client: string): Promise<string> => {
      const request = `GET /v2/${name}/team/app/manifests/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      const bytes = `PROXY TCP4 ${client} 10.1.0.1 50000 3128\r\n${request}`;
      return (await converse(await dial(program.port), bytes)).slice(0, 12);
    };
    expect(await ask("10.1.2.3")).toBe("HTTP/1.1 200");
    expect(await ask("10.2.2.3")).toBe("HTTP/1.1 403");
    expect(await converse(await dial(program.port), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("");
    const isTold = (line: string) => line.includes('"client":"10.1.2.3"');
    await eventually(() => program.lines.some(isTold));
  });

  it("speak for clients inside CONNECT too", async () => {
    const { program, name } = await openHouse(settings);
    const socket = await dial(program.port);
    socket.write("PROXY TCP4 10.1.2.3 10.1.0.1 50000 3128\r\n");
    socket.write(
      `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: Go-http-client/1.1\r\n\r\n`,
    );
    const [head] = await once(socket, "data");
    expect(String(head)).toMatch(/^HTTP\/1\.1 200 /);
    const tls = await secured(socket, program, name);
    const request = `GET /v2/ HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`;
    expect(await converse(tls, request)).toMatch(/^HTTP\/1\.1 200 /);
    const told = () => program.lines.filter((line) => line.includes('"client":"10.1.2.3"'));
    await eventually(() => expect(told()).toHaveLength(1));
  });
});

describe("too many and too slow", () => {
  it.skipIf(outside === undefined)("a client has so many connections and no more", async () => {
    const settings = { HOST: "0.0.0.0", ALLOW_CLIENTS: "0.0.0.0/0" };
    const house = await openHouse({ ...settings, MAX_CONNECTIONS_PER_CLIENT: "20" });
    const { program, name, server, image } = house;
    server.misbehave({ path: /\/blobs\// }, stallAt(100_000));
    const dialled = (length: number) =>
      Promise.all(Array.from({ length }, () => dial(program.port, outside)));
    const busy = await dialled(20);
    const path = `/v2/${name}/team/app/blobs/${image.layer}`;
    for (const socket of busy) socket.resume().write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await eventually(() => expect(busy.every(({ bytesRead }) => bytesRead > 0)).toBe(true));
    const all = [...busy, ...(await dialled(10))];
    const told: string[] = [];
    for (const socket of all) socket.on("data", (text) => told.push(String(text)));
    const refused = () => told.filter((text) => text.includes(" 503 "));
    await eventually(() => expect(refused()).toHaveLength(10));
    expect((await direct(program, "/v2/")).status).toBe(200);
    expect(refused()).toHaveLength(10);
    for (const socket of all) socket.destroy();
    const request = "GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    await eventually(async () => {
      const answer = await converse(await dial(program.port, outside), request);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    });
  });

  it("a hundred clients that never finish a sentence hold nobody up, and are let go", async () => {
    const { program, name } = await openHouse();
    const beginnings = [
      "",
      "GET / HTTP/1.1\r\nHost: x\r\nX-",
      `CONNECT ${name} HTTP/1.1\r\nHost`,
      `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: Go-http-client/1.1\r\n\r\n`,
    ];
    const slow = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const socket = await dial(program.port);
        socket.write(beginnings[index % beginnings.length] ?? "");
        const start = performance.now();
        const life = once(socket.resume(), "close").then(() => performance.now() - start);
        return { socket, life };
      }),
    );
    const start = performance.now();
    expect((await viaProxy(program, name, "/v2/team/app/manifests/1")).status).toBe(200);
    // Long before the slow ones are let go.
    expect(performance.now() - start).toBeLessThan(5_000);
    const lives = await Promise.all(slow.map(({ life }) => life));
    expect(Math.max(...lives)).toBeLessThan(30_000);
  }, 60_000);
});

describe("INTERCEPT=named", () => {
  it("makes a CA that vouches for the named registries and no other host", async () => {
    const { program, name } = await openHouse({ INTERCEPT: "named" });
    expect((await viaProxy(program, name, "/v2/team/app/manifests/1")).status).toBe(200);
    const { socket } = await tunnel(program, name);
    const tls = await secured(socket, program, name);
    expect(tls.authorized).toBe(true);
    tls.destroy();
  });

  it("is never wider than its CA: a leaf for another host is refused by clients", async () => {
    const scene = await Scene.open();
    const { name } = await scene.registry("registry.test");
    const made = await scene.start({ INTERCEPT: "named", REGISTRIES: name });
    await made.stop();
    const other = await scene.registry("other.test");
    const program = await scene.start({ INTERCEPT: "named", REGISTRIES: `${name} ${other.name}` });
    expect((await viaProxy(program, name, "/v2/")).status).toBe(200);
    const { socket } = await tunnel(program, other.name);
    const tls = connectTls({ socket, ca: program.ca, servername: "other.test" });
    const [error] = await once(tls, "error").catch((reason: unknown) => [reason]);
    expect(String(error)).toMatch(/subtree violation/);
  });
});
