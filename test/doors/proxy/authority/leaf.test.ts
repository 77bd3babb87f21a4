import { createPublicKey, X509Certificate } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, isIP } from "node:net";
import { checkServerIdentity, connect, TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { openAuthority } from "../../../../src/doors/proxy/authority/ca.ts";
import { readIssuer } from "../../../../src/doors/proxy/authority/certificate.ts";
import { LeafIssuer } from "../../../../src/doors/proxy/authority/leaf.ts";
import { eventually } from "../../../support/eventually.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";

const day = 86_400_000;
const long = `${"a".repeat(60)}.registry.example`;

describe("a leaf certificate", () => {
  it.each(["registry.example", "xn--bcher-kva.example", long, "10.99.0.1", "fd00::1"])(
    "for %s satisfies a TLS client that trusts the CA alone",
    async (host) => {
      const { authority, leaves } = await makeLeaves();
      expect((await handshake(leaves, host, authority.root)).authorized).toBe(true);
    },
  );

  it("names exactly its host, its issuer byte for byte, and lives a month at most", async () => {
    const { authority, leaves } = await makeLeaves();
    const leaf = new X509Certificate(leaves.chainFor(long));
    const root = new X509Certificate(authority.root);
    expect(leaf.subjectAltName).toBe(`DNS:${long}`);
    expect(leaf.subject).toBe("O=Entrepot");
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.raw.includes(readIssuer(root.raw).subject)).toBe(true);
    expect(leaf.validToDate.getTime()).toBeLessThanOrEqual(Date.now() + 30 * day);
    expect(leaf.validFromDate.getTime()).toBeLessThanOrEqual(Date.now() - 2 * day);
    expect(leaf.publicKey.equals(createPublicKey(authority.key))).toBe(false);
    expect(leaf.serialNumber).toMatch(/^[0-9A-F]{32}$/);
  });

  it("is minted once, however many ask", async () => {
    const { leaves } = await makeLeaves();
    const first = leaves.contextFor("registry.example");
    for (let index = 0; index < 100; index += 1) {
      expect(leaves.contextFor("registry.example")).toBe(first);
    }
  });

  it("is made ready anew when many others were used since", async () => {
    const { leaves } = await makeLeaves({ capacity: 3 });
    const kept = leaves.contextFor("kept.example");
    const lost = leaves.contextFor("lost.example");
    for (const name of ["a.example", "kept.example", "b.example"]) leaves.contextFor(name);
    expect(leaves.contextFor("kept.example")).toBe(kept);
    expect(leaves.contextFor("lost.example")).not.toBe(lost);
  });

  it("of thousands of hosts that a stranger makes up leaves no more open than are kept", async () => {
    const { leaves } = await makeLeaves({ capacity: 3 });
    const connections = Array.from({ length: 20 }, () => new EventEmitter());
    for (const [index, connection] of connections.entries())
      leaves.contextFor(`h${index}.example`, connection);
    // Who is connected keeps what was made ready for him.
    expect(leaves.openContexts).toBe(20);
    for (const connection of connections) connection.emit("close");
    expect(leaves.openContexts).toBe(3);
    for (let index = 0; index < 2_000; index += 1) {
      const connection = new EventEmitter();
      leaves.contextFor(`h${index % 100}.example`, connection);
      connection.emit("close");
    }
    expect(leaves.openContexts).toBe(3);
  });

  it("of a thousand hosts that a stranger makes up take 32 MB at most", async () => {
    const { leaves } = await makeLeaves();
    let chains = 0;
    for (let index = 0; index < 1_000; index += 1) {
      const host = `h${index}.example`;
      const connection = new EventEmitter();
      leaves.contextFor(host, connection);
      connection.emit("close");
      chains += leaves.chainFor(host).length;
    }
    // What OpenSSL takes for a context with a chain of two, counted over thousands of them.
    const ofOne = 64 * 1024;
    expect(leaves.openContexts).toBeGreaterThan(100);
    expect(leaves.openContexts * ofOne + chains).toBeLessThan(32_000_000);
  });

  it("still serves a client who was slow, though many other hosts came first", async () => {
    const { authority, leaves } = await makeLeaves({ capacity: 1 });
    const late = Promise.withResolvers<void>();
    const client = await handshake(leaves, "slow.example", authority.root, () => {
      for (let index = 0; index < 50; index += 1) {
        const other = new EventEmitter();
        leaves.contextFor(`h${index}.example`, other);
        other.emit("close");
      }
      late.resolve();
    });
    await late.promise;
    expect(client.authorized).toBe(true);
    client.destroy();
    await eventually(() => expect(leaves.openContexts).toBe(1));
  });

  it("is good on each of 400 days of one process, and renewed with a third of its life left", async () => {
    let time = Date.now();
    const { authority, leaves } = await makeLeaves({ now: () => time });
    const root = new X509Certificate(authority.root);
    const serials = new Set<string>();
    for (let count = 0; count < 400; count += 1) {
      const leaf = new X509Certificate(leaves.chainFor("registry.example"));
      serials.add(leaf.serialNumber);
      expect(leaf.validFromDate.getTime()).toBeLessThan(time);
      expect(leaf.validToDate.getTime()).toBeGreaterThan(time + 9 * day);
      expect(leaf.verify(root.publicKey)).toBe(true);
      time += day;
    }
    expect(serials.size).toBe(20);
  });

  it.each([
    ["a year back", -365 * day],
    ["to 1970", 1_000 - Date.now()],
  ])("is made anew when the clock that made it is set %s", async (_, by) => {
    let time = Date.now();
    const { leaves } = await makeLeaves({ now: () => time });
    leaves.chainFor("registry.example");
    time += by;
    const leaf = new X509Certificate(leaves.chainFor("registry.example"));
    expect(leaf.validFromDate.getTime()).toBeLessThanOrEqual(time);
    expect(leaf.validToDate.getTime()).toBeGreaterThan(time);
    expect(leaves.chainFor("registry.example")).toContain(leaf.toString().trim());
    time += 3_600_000;
    expect(new X509Certificate(leaves.chainFor("registry.example")).serialNumber).toBe(
      leaf.serialNumber,
    );
  });

  it("never outlives its issuer", async () => {
    let time = Date.now();
    const { authority, leaves } = await makeLeaves({ now: () => time });
    time = authority.notAfter - 5 * day;
    const leaf = new X509Certificate(leaves.chainFor("registry.example"));
    expect(leaf.validToDate.getTime()).toBe(authority.notAfter);
  });
});

async function makeLeaves(options: { capacity?: number; now?: () => number } = {}) {
  const folder = await temporaryFolder();
  const now = options.now ?? (() => Date.now());
  const authority = await openAuthority({ folder, now });
  return { folder, authority, leaves: new LeafIssuer({ authority, now, ...options }) };
}

/** A TLS client that trusts the CA alone and expects this host, against a server that has the leaf alone. */
async function handshake(
  leaves: LeafIssuer,
  host: string,
  ca: string,
  meanwhile: () => void = () => undefined,
): Promise<TLSSocket> {
  const server = createServer((socket) => {
    const secureContext = leaves.contextFor(host, socket);
    new TLSSocket(socket, { isServer: true, secureContext }).on("error", () => socket.destroy());
    meanwhile();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({
    port,
    host: "127.0.0.1",
    ca,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  await once(client, "secureConnect");
  return client;
}
