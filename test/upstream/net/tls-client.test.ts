import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/runtime/clock.ts";
import { systemAuthorities } from "../../../src/upstream/net/tls-client.ts";
import { upstreamDeadline } from "../../../src/upstream/upstream-deadline.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { flawedCertificate } from "../bad-certificate.ts";
import { buildRig, listening, type RigOptions, rejection } from "../rig.ts";

const day = 86_400_000;
const trusted = makeAuthority("Trusted");

/** One handshake with such a server under the name reg.test. */
async function shake(server: TlsOptions, options: RigOptions = {}, host = "reg.test") {
  const { port } = await listening(createTlsServer(server));
  const rig = buildRig({
    authorities: [trusted.ca],
    names: { "reg.test": ["127.0.0.1"] },
    tunnelPorts: [port],
    ...options,
  });
  const address = { host, port };
  const limit = { host, milliseconds: 5_000, what: "test" };
  using deadline = upstreamDeadline(systemClock, new AbortController().signal, limit);
  const socket = await rig.dialer.dial(address, { signal: deadline.signal });
  return await rig.tls.secure(socket, address, deadline.signal);
}

describe("TLS to a registry", () => {
  it("is made when the certificate is good", async () => {
    const secured = await shake(trusted.issue(["reg.test"]));
    expect(secured.authorized).toBe(true);
    expect(secured.getProtocol()).toMatch(/^TLSv1\.[23]$/);
    expect(secured.listenerCount("error")).toBeGreaterThan(0);
    secured.destroy();
  });

  it("is made with an address that the certificate names", async () => {
    const secured = await shake(trusted.issue(["127.0.0.1"]), {}, "127.0.0.1");
    expect(secured.authorized).toBe(true);
    secured.destroy();
  });

  it("is made with a certificate of a thousand names", async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `n${index}.test`);
    const secured = await shake(trusted.issue([...names, "reg.test"]));
    secured.destroy();
  });

  const expired = {
    notBefore: new Date(Date.now() - 9 * day),
    notAfter: new Date(Date.now() - day),
  };
  const future = {
    notBefore: new Date(Date.now() + day),
    notAfter: new Date(Date.now() + 9 * day),
  };
  const bad = {
    expired: [trusted.issue(["reg.test"], expired), "its certificate has expired"],
    "not valid yet": [trusted.issue(["reg.test"], future), "is not valid yet"],
    "for another host": [trusted.issue(["other.test"]), "its certificate is for another host"],
    "of an unknown authority": [makeCertificate(["reg.test"]), "from an unknown authority"],
  } as const;

  it.each(Object.entries(bad))(
    "is refused, in words, when it is %s",
    async (_, [server, words]) => {
      expect(await rejection(shake(server))).toMatchObject({
        code: "TLS",
        message: expect.stringContaining(words),
      });
      expect(await rejection(shake(server))).toMatchObject({
        message: expect.stringMatching(/^TLS to reg\.test:\d+ failed: /),
      });
    },
  );

  it.each([
    ["self-signed", "its certificate is self-signed"],
    ["512 bit key", "failed"],
    ["signed with SHA-1", "failed"],
    ["with a wrong signature", "failed"],
  ] as const)("is refused when the certificate is flawed: %s", async (flaw, words) => {
    const flawed = flawedCertificate("reg.test", flaw);
    const sloppy = { ...flawed, ciphers: "DEFAULT@SECLEVEL=0" };
    expect(await rejection(shake(sloppy, { authorities: [flawed.ca] }))).toMatchObject({
      code: "TLS",
      message: expect.stringContaining(words),
    });
  });

  it("is refused for an address that the certificate does not name", async () => {
    const failed = shake(trusted.issue(["reg.test"]), {}, "127.0.0.1");
    expect(await rejection(failed)).toMatchObject({ code: "TLS" });
  });

  it("is unverified only for the hosts named so", async () => {
    const stranger = makeCertificate(["other.test"]);
    const secured = await shake(stranger, { unverified: ["reg.test"] });
    secured.destroy();
    const failed = shake(stranger, { unverified: ["else.test"] });
    expect(await rejection(failed)).toMatchObject({ code: "TLS" });
  });

  it("needs TLS 1.2", async () => {
    const old = {
      ...trusted.issue(["reg.test"]),
      maxVersion: "TLSv1.1" as const,
      minVersion: "TLSv1" as const,
      ciphers: "DEFAULT@SECLEVEL=0",
    };
    expect(await rejection(shake(old))).toMatchObject({ code: "TLS" });
  });

  it("finds out that the peer speaks plain HTTP", async () => {
    const { port } = await listening(createHttpServer());
    const rig = buildRig({ tunnelPorts: [port] });
    const { signal } = new AbortController();
    const address = { host: "127.0.0.1", port };
    const socket = await rig.dialer.dial(address, { signal });
    expect(await rejection(rig.tls.secure(socket, address, signal))).toMatchObject({
      code: "NO_TLS",
      message: `127.0.0.1:${port} speaks no TLS; write http://127.0.0.1:${port} in REGISTRIES`,
    });
  });

  it("says so when the peer hangs up in the handshake", async () => {
    const { port } = await listening(createServer((peer) => peer.once("data", () => peer.end())));
    const rig = buildRig({ tunnelPorts: [port] });
    const { signal } = new AbortController();
    const address = { host: "127.0.0.1", port };
    const socket = await rig.dialer.dial(address, { signal });
    expect(await rejection(rig.tls.secure(socket, address, signal))).toMatchObject({
      code: "RESET",
    });
  });

  it("ends with the signal while the peer is silent", async () => {
    const { port } = await listening(createServer());
    const rig = buildRig({ tunnelPorts: [port] });
    const stop = new AbortController();
    const address = { host: "127.0.0.1", port };
    const socket = await rig.dialer.dial(address, { signal: stop.signal });
    const failed = rig.tls.secure(socket, address, stop.signal);
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await rejection(failed)).toBe(reason);
    expect(socket.destroyed).toBe(true);
  });

  it("never resumes a session", async () => {
    const leaf = trusted.issue(["reg.test"]);
    const first = await shake(leaf);
    const second = await shake(leaf);
    expect([first.isSessionReused(), second.isSessionReused()]).toEqual([false, false]);
    first.destroy();
    second.destroy();
  });
});

describe("the machine's authorities", () => {
  it("are certificates in PEM", () => {
    const all = systemAuthorities();
    expect(all[0]).toContain("BEGIN CERTIFICATE");
    expect(new Set(all).size).toBe(all.length);
  });
});
