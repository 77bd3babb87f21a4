/**
 * An ACME service of the journey's own: pebble, which Let's Encrypt tests its clients with, and the
 * DNS server that belongs to it, where every name is one address.
 */

import { Resolver } from "node:dns/promises";
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { makeAuthority } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { type Environment, Service } from "./program.ts";

export type AcmeOptions = {
  /** Seconds that certificates are good for. */
  readonly validity?: number;
  /** Where every name leads. */
  readonly address?: string;
  /** Where challenges are looked for; otherwise any that is free. */
  readonly httpPort?: number;
  /** Where records are looked up instead of at its own DNS server, as `127.0.0.1:53`. */
  readonly nameServer?: string;
};

export type Acme = {
  /** What Entrepot is told of it. */
  readonly settings: Environment;
  /** Where http-01 challenges are looked for. */
  readonly httpPort: number;
  readonly directory: string;
  /** Management address of the DNS server, as `http://127.0.0.1:8055`. */
  readonly dns: string;
  /** PEM of the root that issues certificates. */
  root(): Promise<string>;
  stop(): Promise<void>;
  /** Again at the same place, with the same accounts forgotten. */
  restart(): Promise<void>;
};

export async function startAcme(folder: string, options: AcmeOptions = {}) {
  const { validity = 86_400, address = "127.0.0.1" } = options;
  await mkdir(folder, { recursive: true });
  const authority = makeAuthority("ACME service");
  const own = authority.issue(["127.0.0.1", "localhost"]);
  const file = (name: string, text: string) => writeFile(join(folder, name), text);
  const ports = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()));
  const [port = 0, management = 0, anyPort = 0, dnsPort = 0, dnsManagement = 0] = ports;
  const { httpPort = anyPort, nameServer = `127.0.0.1:${dnsPort}` } = options;
  await file("cert.pem", own.cert);
  await file("key.pem", own.key);
  await file("ca.pem", authority.ca);
  await file(
    "pebble.json",
    JSON.stringify(configuration(folder, { port, management, httpPort, validity })),
  );
  const off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""];
  const dns = new Service("pebble-challtestsrv", [
    ...off,
    ...["-dnsserver", `127.0.0.1:${dnsPort}`, "-management", `127.0.0.1:${dnsManagement}`],
    ...["-defaultIPv6", "", "-defaultIPv4", address],
  ]);
  await dns.ready(async () => (await fetch(`http://127.0.0.1:${dnsManagement}/`)).status === 404);
  const resolver = new Resolver({ timeout: 1_000 });
  resolver.setServers([`127.0.0.1:${dnsPort}`]);
  await dns.ready(async () => (await resolver.resolve4("any.example.com")).includes(address));
  const start = async (): Promise<Service> => {
    const args = ["-config", join(folder, "pebble.json"), "-dnsserver", nameServer];
    const service = new Service("pebble", args, {
      env: { PEBBLE_VA_NOSLEEP: "1", PEBBLE_AUTHZREUSE: "0", HOME: folder },
    });
    for (const at of [`${port}/dir`, `${management}/roots/0`]) {
      await service.ready(async () => (await get(`https://127.0.0.1:${at}`, authority.ca)) !== "");
    }
    return service;
  };
  let service = await start();
  const acme: Acme = {
    settings: {
      ACME_DIRECTORY: `https://127.0.0.1:${port}/dir`,
      ACME_CA: join(folder, "ca.pem"),
      ACME_EMAIL: "operator@example.com",
      ACME_HTTP_PORT: String(httpPort),
    },
    httpPort,
    directory: `https://127.0.0.1:${port}/dir`,
    dns: `http://127.0.0.1:${dnsManagement}`,
    root: () => get(`https://127.0.0.1:${management}/roots/0`, authority.ca),
    stop: async () => {
      await service.stop();
    },
    restart: async () => {
      await service.stop();
      service = await start();
    },
  };
  const end = async (): Promise<void> => {
    await service.stop();
    await dns.stop();
  };
  return { acme, end };
}

type Placed = {
  readonly port: number;
  readonly management: number;
  readonly httpPort: number;
  readonly validity: number;
};

function configuration(folder: string, { port, management, httpPort, validity }: Placed): object {
  return {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: join(folder, "cert.pem"),
      privateKey: join(folder, "key.pem"),
      httpPort,
      tlsPort: 1,
      domainBlocklist: ["blocked.example.com"],
      retryAfter: { authz: 1, order: 1 },
      keyAlgorithm: "ecdsa",
      profiles: { default: { description: "for journeys", validityPeriod: validity } },
    },
  };
}

async function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca, agent: false }, async (response) => {
      let text = "";
      for await (const piece of response.setEncoding("utf8")) text += piece;
      resolve(text);
    });
    asked.once("error", reject);
    asked.end();
  });
}

export type Shown = { readonly issuer: string; readonly serial: string; readonly until: number };

/** The certificate that a client asking for this name is shown. */
export async function certificateAt(
  port: number,
  servername: string,
  host = "127.0.0.1",
): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const options = { port, host, servername, rejectUnauthorized: false };
    const socket = connect(options, () => {
      const { issuer, serialNumber, valid_to: until } = socket.getPeerCertificate();
      socket.end();
      resolve({ issuer: String(issuer.CN), serial: serialNumber, until: Date.parse(until) });
    });
    socket.once("error", reject);
  });
}
