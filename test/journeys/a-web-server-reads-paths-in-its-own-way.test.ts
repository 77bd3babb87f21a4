import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { converse, dial, direct, viaProxy } from "../whole/support/client.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import { Service } from "./support/program.ts";
import { spare } from "./support/upstream/look-alikes.ts";

const { host } = spare;
const robot = `Basic ${Buffer.from("robot:CANARY-robot").toString("base64")}`;
const jars = "/usr/share/java";
const sources = join(import.meta.dirname, "parts/java");

/** Asked for the site's own pages, as the registry's, and for what POLICY denies, as something else. */
const reads = [
  ...["/v2/..%2fadmin/users", "/v2/%2e%2e%2fadmin/users", "/v2/%2e%2e/admin/users"],
  ...["/v2/x/..%2f..%2fadmin/users", "/v2/x/../../admin/users", "/v2/..;/admin/users"],
  ...["/v2/..;a=b/admin/users", "/v2/%2e%2e;/admin/users", "/v2/x;/../../admin/users"],
  ...["/v2/..%5cadmin/users", "/v2/..\\admin\\users", "/v2/..%252fadmin/users"],
  ...["/v2/x/%2e%2e/%2e%2e/admin/tags/list", "/v2/a/blobs/uploads/..;/..;/..;/..;/admin"],
  ...["/v2;x/secret/app/manifests/1", "/v2;x=y/secret/app/tags/list", "//v2/secret/app/tags/list"],
  ...["/x/..;/v2/secret/app/manifests/1", "/x/..%2fv2/secret/app/manifests/1"],
  ...["/;x/v2/secret/app/manifests/1", "/x/%2e%2e/v2/secret/app/manifests/1"],
  ...[
    "/%76%32/secret/app/manifests/1",
    "/v2/secret;x/app/manifests/1",
    "/./v2/secret/app/tags/list",
  ],
  ...["/v2/secret%2fapp/manifests/1", "/v2/s%65cret/app/manifests/1", "/v2//secret/app/tags/list"],
  ...["/v2/ok/..;/secret/app/manifests/1", "/v2/ok/..%2fsecret/app/manifests/1"],
];
const writes = [
  ...["/v2;x/app/manifests/1", "/x/..;/v2/app/manifests/1", "/v2/app%2fmanifests%2f1"],
  ...["//v2/app/manifests/1", "/x/%2e%2e/v2/app/manifests/1", "/v2/app/manifests/1"],
  ...["/%76%32/app/manifests/1", "/;/v2/app/manifests/1", "/v2/app;x/manifests/1"],
];

const jarsOf = {
  "TomcatSite.java": ["tomcat10-embed-core"],
  "JettySite.java": [
    ...["jetty9-server", "jetty9-http", "jetty9-io", "jetty9-util", "jetty9-util-ajax"],
    ...["jetty9-servlet", "jetty9-security", "servlet-api"],
  ],
} as const;

/** The command that serves on this port, out of this folder. */
type Serve = (port: number, folder: string) => readonly [command: string, ...args: string[]];

const sites: Readonly<Record<string, Serve>> = {
  nginx: (_, folder) => ["nginx", "-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")],
  Tomcat: (port, folder) => java("TomcatSite.java", port, folder),
  Jetty: (port, folder) => java("JettySite.java", port, folder),
};

function java(source: keyof typeof jarsOf, port: number, folder: string) {
  const path = jarsOf[source].map((name) => join(jars, `${name}.jar`)).join(":");
  return ["java", "-cp", path, join(sources, source), String(port), folder] as const;
}

function nginxConfig(port: number): string {
  return `daemon off; pid nginx.pid;
events {}
http {
  log_format asked '$part $request_method $uri $http_authorization';
  access_log asked.log asked;
  server {
    listen 127.0.0.1:${port};
    set $part SITE;
    location / { return 200 '{}'; }
    location /v2/ {
      set $part REGISTRY;
      add_header WWW-Authenticate 'Basic realm="company"' always;
      if ($http_authorization = "") { return 401; }
      return 200 '{}';
    }
  }
}
`;
}

const hasJava = hasProgram("java") && existsSync(join(jars, "jetty9-server.jar"));

describe.each(Object.entries(sites))("%s before a registry and a site", (name, serve) => {
  describe.skipIf(name === "nginx" ? !hasProgram("nginx") : !hasJava)("", () => {
    let journey: Journey;
    let service: Service;
    let entrepot: Entrepot;
    let door: { readonly port: number; readonly ca: string };
    let port: number;
    let last = 0;

    beforeAll(async () => {
      journey = await Journey.begin({ isEmpty: true });
      const folder = join(journey.folder, name);
      await mkdir(join(folder, "logs"), { recursive: true });
      port = await freePort();
      await writeFile(join(folder, "nginx.conf"), nginxConfig(port));
      const [command, ...args] = serve(port, folder);
      service = new Service(command, args);
      journey.atEnd(() => service.stop());
      await service.ready(async () => (await fetch(`http://127.0.0.1:${port}/up`)).ok);
      await front(port);
      const ca = join(journey.folder, "ca.pem");
      entrepot = await journey.entrepot({
        ...{ UPSTREAM_CA: ca, AUTH_REGISTRIES: `${host}:robot:CANARY-robot`, ALLOW_PUSH: "false" },
        POLICY: JSON.stringify({ deny: [`${host}/secret/**`] }),
      });
      door = { port: entrepot.port, ca: await readFile(entrepot.trust, "utf8") };
    }, 120_000);
    afterAll(() => journey?.end());

    /** TLS on 443 of the registry's address; every byte goes on as it came. */
    async function front(to: number): Promise<void> {
      const authority = makeAuthority("Private authority");
      await writeFile(join(journey.folder, "ca.pem"), authority.ca);
      const { cert, key } = authority.issue([host]);
      const server = createServer({ cert, key }, (tls) => {
        const plain = connect(to, "127.0.0.1");
        tls.on("error", () => plain.destroy());
        plain.on("error", () => tls.destroy());
        tls.pipe(plain).pipe(tls);
      });
      server.listen(443, spare.address);
      await once(server, "listening");
      journey.atEnd(async () => void server.close());
    }

    /** nginx cannot write into a pipe that it did not open. */
    const told = async (): Promise<readonly string[]> => {
      const file = join(journey.folder, name, "asked.log");
      const lines = existsSync(file) ? (await readFile(file, "utf8")).split("\n") : service.lines;
      return lines.filter((line) => /^(?:SITE|REGISTRY) /.test(line));
    };

    /** What it took each of these for, asked without anything in between, or through the proxy. */
    const takenFor = async (ask: () => Promise<unknown>) => {
      const before = (await told()).length;
      await ask();
      await untilTold();
      return (await told()).slice(before);
    };
    /** Its lines come after its answers: of one that is asked for now, after all others. */
    async function untilTold(): Promise<void> {
      last += 1;
      const path = `/last-${last}`;
      await converse(
        await dial(port),
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      await eventually(async () => (await told()).some((line) => line.includes(`GET ${path} `)));
    }
    const isMisread = (line: string) => /^SITE .*Basic|^REGISTRY \S+ \S*secret/.test(line);

    it("is led astray by some of these paths when it is asked itself", async () => {
      const lines = await takenFor(async () => {
        for (const path of reads) {
          const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${robot}\r\n`;
          await converse(await dial(port), `${head}Connection: close\r\n\r\n`);
        }
      });
      expect(lines.filter(isMisread).length).toBeGreaterThan(2);
    });

    it("is led astray by none of them through the proxy", async () => {
      const lines = await takenFor(async () => {
        const plain = await viaProxy(door, `${host}:443`, "/v2/ok/app/tags/list");
        expect([plain.status, plain.reason]).toEqual([200, expect.anything()]);
        for (const path of reads) {
          await viaProxy(door, `${host}:443`, path);
          if (!path.startsWith("/v2/")) continue;
          await direct(door, `/v2/${host}${path.slice(3)}`);
          await direct(door, `${path}?ns=${host}`);
        }
      });
      expect(lines.filter(isMisread)).toEqual([]);
      expect(lines.some((line) => line.startsWith("REGISTRY GET") && line.includes("Basic"))).toBe(
        true,
      );
    });

    it("is written to by no path while pushing is turned off", async () => {
      const lines = await takenFor(async () => {
        const headers = { authorization: robot };
        for (const path of writes) {
          await viaProxy(door, `${host}:443`, path, { method: "PUT", headers, body: "{}" });
        }
      });
      expect(lines.filter((line) => line.includes(" PUT "))).toEqual([]);
    });
  });
});
