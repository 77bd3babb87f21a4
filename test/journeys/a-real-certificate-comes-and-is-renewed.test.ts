import { randomUUID } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { type Acme, type AcmeOptions, certificateAt, startAcme } from "./support/acme.ts";
import { startBind } from "./support/bind.ts";
import { Curl } from "./support/clients/curl.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";

const name = "mirror.example.com";
const names = [name, "hub.example.com"];
const examples = join(import.meta.dirname, "../../examples/dns-01");
const within = { withinMs: 60_000, everyMs: 100 };
const isHere = hasProgram("pebble") && hasProgram("pebble-challtestsrv");

describe.skipIf(!isHere)("a certificate from an ACME service", () => {
  let journey: Journey;
  const ends: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    journey = await Journey.begin();
  });
  afterEach(async () => {
    await journey?.end();
    for (const end of ends.splice(0)) await end();
  });

  async function begin(options: AcmeOptions = {}): Promise<Acme> {
    const started = await startAcme(join(journey.folder, "acme"), options);
    ends.push(started.end);
    return started.acme;
  }

  async function open(env: Environment): Promise<Entrepot & { readonly tlsPort: number }> {
    const tlsPort = await freePort();
    const domains = { ACME_DOMAINS: names.join(" "), TLS_PORT: String(tlsPort) };
    return { ...(await journey.entrepot({ ...domains, ...env })), tlsPort };
  }

  /** Resolves with what it shows once it was issued by the service. */
  function issued({ tlsPort, lines }: { tlsPort: number; lines: readonly string[] }, host = name) {
    return eventually(async () => {
      const shown = await certificateAt(tlsPort, host);
      if (/pebble/i.test(shown.issuer)) return shown;
      throw new Error(`${shown.issuer}: ${lines.slice(-3).join("\n")}`);
    }, within);
  }

  it("by http-01: one for each name, trusted by curl, kept over a restart", async () => {
    const acme = await begin();
    const entrepot = await open(acme.settings);
    const [first, second] = [await issued(entrepot), await issued(entrepot, "hub.example.com")];
    expect(first.serial).not.toBe(second.serial);

    const trust = join(journey.folder, "root.pem");
    await writeFile(trust, await acme.root());
    const curl = new Curl({ folder: journey.folder, trust });
    const at = ["--resolve", `${name}:${entrepot.tlsPort}:127.0.0.1`];
    const reached = await curl.get(`https://${name}:${entrepot.tlsPort}/healthz`, ...at);
    expect(reached.status, reached.run.output).toBe(200);
    expect((await fetch(`http://127.0.0.1:${acme.httpPort}/`)).status).toBe(404);

    await entrepot.stop();
    const again = await open(acme.settings);
    expect((await certificateAt(again.tlsPort, name)).serial).toBe(first.serial);
  });

  it("by dns-01 and a command", async () => {
    const acme = await begin();
    const command = join(journey.folder, "dns-hook");
    await writeFile(command, dnsHook(acme.dns));
    await chmod(command, 0o755);
    const entrepot = await open({
      ...acme.settings,
      ACME_DOMAINS: `${names.join(" ")} *.example.com`,
      ACME_CHALLENGE: "dns-01",
      ACME_DNS_PROVIDER: command,
      ACME_DNS_WAIT: "0 s",
    });
    await issued(entrepot, "anything.example.com");
  });

  it("by dns-01 and a service that is asked as lego asks it", async () => {
    const acme = await begin();
    const { endpoint, asked } = await standInForHttpRequests(acme.dns);
    const entrepot = await open({
      ...acme.settings,
      ACME_CHALLENGE: "dns-01",
      ACME_DNS_PROVIDER: endpoint,
      ACME_DNS_WAIT: "0 s",
    });
    await issued(entrepot);
    await eventually(() => asked.filter((one) => one === "/dns/cleanup").length === 2, within);
  });

  const hasBind = ["named", "nsupdate", "tsig-keygen"].every(hasProgram);
  it.skipIf(!hasBind)(
    "by dns-01 and nsupdate at a BIND, which forgets the records again",
    async () => {
      const bind = await startBind(join(journey.folder, "bind"), names);
      ends.push(async () => void (await bind.stop()));
      const acme = await begin({ nameServer: `127.0.0.1:${bind.port}` });
      const entrepot = await open({
        ...acme.settings,
        ACME_CHALLENGE: "dns-01",
        ACME_DNS_PROVIDER: join(examples, "nsupdate.sh"),
        ACME_DNS_WAIT: "0 s",
        NSUPDATE_SERVER: `127.0.0.1 ${bind.port}`,
        NSUPDATE_KEY: bind.keyFile,
      });
      await Promise.all(names.map((one) => issued(entrepot, one)));
      for (const one of names) {
        await eventually(async () => {
          const record = bind.resolver.resolveTxt(`_acme-challenge.${one}`);
          await expect(record).rejects.toMatchObject({
            code: expect.stringMatching(/NODATA|NOTFOUND/),
          });
        }, within);
      }
    },
  );

  it("by dns-01 and acme-dns, each name with an account of its own", async () => {
    const acme = await begin();
    const { server, accounts } = await standInForAcmeDns(journey.folder, acme.dns);
    const env = {
      ...acme.settings,
      ACME_CHALLENGE: "dns-01",
      ACME_DNS_PROVIDER: join(examples, "acme-dns.sh"),
      ACME_DNS_WAIT: "0 s",
      ACME_DNS_SERVER: server,
      ACME_DNS_ACCOUNTS: accounts,
    };
    const entrepot = await open({
      ...env,
      ACME_DOMAINS: `${names.join(" ")} stranger.example.com`,
    });
    await Promise.all(names.map((one) => issued(entrepot, one)));
    // Its key is another's.
    const { error } = await failureIn(entrepot);
    expect(error).toContain("401");
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("by dns-01 and Cloudflare's API", async () => {
    const acme = await begin();
    const { api, asked } = await standInForCloudflare(acme.dns);
    const entrepot = await open({
      ...acme.settings,
      ACME_CHALLENGE: "dns-01",
      ACME_DNS_PROVIDER: "cloudflare",
      ACME_DNS_WAIT: "0 s",
      CLOUDFLARE_API: api,
      CLOUDFLARE_API_TOKEN: "CANARY-cloudflare",
    });
    await issued(entrepot);
    await eventually(() => asked.filter((one) => one.startsWith("DELETE")).length === 2, within);
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("is renewed at two thirds of its life, while a pull is running", async () => {
    const acme = await begin({ validity: 30 });
    const entrepot = await open(acme.settings);
    const first = await issued(entrepot);
    const trust = join(journey.folder, "root.pem");
    await writeFile(trust, await acme.root());
    journey.upstream.pace.bytesPerSecond = 6 * 1024 * 1024;
    const curl = new Curl({ folder: journey.folder, trust });
    const at = ["--resolve", `${name}:${entrepot.tlsPort}:127.0.0.1`, "--insecure"];
    const url = `https://${name}:${entrepot.tlsPort}/v2/acme/large`;
    const manifest = await (await fetch(`${entrepot.proxy}/v2/acme/large/manifests/1`)).json();
    const { layers } = manifest as { layers: { digest: string; size: number }[] };
    const layer = layers.at(-1);
    const pulling = curl.get(`${url}/blobs/${layer?.digest}`, ...at);
    const second = await eventually(async () => {
      const shown = await issued(entrepot);
      if (shown.serial !== first.serial) return shown;
      throw new Error("still the first");
    }, within);
    expect(second.until).toBeGreaterThan(first.until);
    const pulled = await pulling;
    expect(pulled.status, pulled.run.output).toBe(200);
  });

  it("comes as soon as the service, which was down, is back; our CA's leaf serves meanwhile", async () => {
    const acme = await begin();
    await acme.stop();
    const entrepot = await open(acme.settings);
    await eventually(() => entrepot.lines.some((line) => line.includes("does not answer")), within);
    expect((await certificateAt(entrepot.tlsPort, name)).issuer).not.toMatch(/pebble/i);
    await acme.restart();
    await issued(entrepot);
  });

  it("that the service refuses is told of in its words, and asked for again later", async () => {
    const acme = await begin();
    const entrepot = await open({ ...acme.settings, ACME_DOMAINS: "blocked.example.com" });
    const line = await failureIn(entrepot);
    expect(line.error).toMatch(/127\.0\.0\.1:\d+ says: .*(policy|blocked|forbid)/i);
    expect(Date.parse(line.retryAt) - Date.now()).toBeGreaterThan(30_000);
  });

  it("comes for one name though another's order fails, and a name that is added touches nobody", async () => {
    const acme = await begin();
    const both = { ...acme.settings, ACME_DOMAINS: `blocked.example.com ${name}` };
    const entrepot = await open(both);
    const first = await issued(entrepot);
    const ready = await eventually(async () => {
      const answer = await (await fetch(`${entrepot.proxy}/readyz`)).json();
      expect(answer).toMatchObject({ status: "degraded" });
      return answer as { readonly reasons: readonly string[] };
    }, within);
    expect(ready.reasons).toEqual([
      expect.stringMatching(
        /^there is no certificate for blocked\.example\.com: .*; the next try is at /,
      ),
    ]);
    await entrepot.stop();
    const more = await open({ ...acme.settings, ACME_DOMAINS: `${name} hub.example.com` });
    await issued(more, "hub.example.com");
    expect((await certificateAt(more.tlsPort, name)).serial).toBe(first.serial);
    expect(await (await fetch(`${more.proxy}/readyz`)).json()).toMatchObject({ status: "ready" });
  });

  it("is not had with a wrong answer to the challenge, and the log says what was wrong", async () => {
    const acme = await begin();
    const entrepot = await open({ ...acme.settings, ACME_HTTP_PORT: String(await freePort()) });
    const line = await failureIn(entrepot);
    expect(line.error).toMatch(/says: .*(refused|connect)/i);
    expect((await certificateAt(entrepot.tlsPort, name)).issuer).not.toMatch(/pebble/i);
  });

  it("waits as long as a service that has had enough says", async () => {
    const limited = createServer((_request, response) => {
      const problem = {
        type: "urn:ietf:params:acme:error:rateLimited",
        detail: "too many new orders",
      };
      const headers = { "retry-after": "7200", "content-type": "application/problem+json" };
      response.writeHead(429, headers).end(JSON.stringify(problem));
    });
    const port = await listen(limited);
    const entrepot = await open({
      ACME_DIRECTORY: `http://127.0.0.1:${port}/dir`,
      ACME_HTTP_PORT: String(await freePort()),
    });
    const line = await failureIn(entrepot);
    expect(Date.parse(line.retryAt) - Date.now()).toBeGreaterThan(7_000_000);
  });
});

type Failure = { readonly error: string; readonly retryAt: string };

async function failureIn({ lines }: Entrepot): Promise<Failure> {
  return eventually(() => {
    const line = lines.find((one) => one.includes("no new certificate"));
    if (line === undefined) throw new Error(lines.join("\n"));
    return JSON.parse(line) as Failure;
  }, within);
}

/** As an operator might write it for a DNS server with an API of its own. */
function dnsHook(dns: string): string {
  return `#!/bin/sh
case $1 in
  set) path=set-txt body="{\\"host\\": \\"$2.\\", \\"value\\": \\"$3\\"}" ;;
  unset) path=clear-txt body="{\\"host\\": \\"$2.\\"}" ;;
esac
exec curl -fsS -d "$body" ${dns}/$path
`;
}

/** lego's httpreq, over the journey's DNS server. */
async function standInForHttpRequests(dns: string) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    asked.push(request.url ?? "");
    const { fqdn: host, value } = JSON.parse(await textOf(request)) as Record<string, string>;
    const isSet = request.url === "/dns/present";
    await post(`${dns}/${isSet ? "set" : "clear"}-txt`, isSet ? { host, value } : { host });
    response.writeHead(200).end();
  });
  return { endpoint: `http://127.0.0.1:${await listen(server)}/dns/`, asked };
}

/** acme-dns, as far as it is asked, over the journey's DNS server; its accounts lie in a folder. */
async function standInForAcmeDns(folder: string, dns: string) {
  const accounts = join(folder, "acme-dns");
  await mkdir(accounts);
  const subdomains = new Map<string, string>();
  for (const one of [...names, "stranger.example.com"]) {
    const subdomain = randomUUID();
    subdomains.set(subdomain, one);
    const password = one.startsWith("stranger") ? "CANARY-wrong" : `CANARY-${subdomain}`;
    const account = {
      username: subdomain,
      password,
      fulldomain: `${subdomain}.acme.lab`,
      subdomain,
    };
    await writeFile(join(accounts, `${one}.json`), JSON.stringify(account, undefined, 2));
  }
  const server = createServer(async (request, response) => {
    const { subdomain = "", txt } = JSON.parse(await textOf(request)) as Record<string, string>;
    const { "x-api-user": user, "x-api-key": password } = request.headers;
    const isKnown = user === subdomain && password === `CANARY-${subdomain}`;
    const host = `_acme-challenge.${subdomains.get(subdomain)}.`;
    if (isKnown && request.url === "/update") await post(`${dns}/set-txt`, { host, value: txt });
    response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ txt }));
  });
  return { server: `http://127.0.0.1:${await listen(server)}`, accounts };
}

type Records = Map<string, { readonly host: string; readonly content: string }>;

/** Cloudflare's API as far as it is needed, over the journey's DNS server. */
async function standInForCloudflare(dns: string) {
  const asked: string[] = [];
  const records: Records = new Map();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
    asked.push(`${request.method} ${pathname}`);
    const isKnown = request.headers.authorization === "Bearer CANARY-cloudflare";
    const body = { text: await textOf(request), query: searchParams };
    const result = await answerTo(`${request.method} ${pathname}`, body, { dns, records });
    response
      .writeHead(isKnown ? 200 : 403, { "content-type": "application/json" })
      .end(JSON.stringify({ success: isKnown, errors: [], result }));
  });
  return { api: `http://127.0.0.1:${await listen(server)}/v4/`, asked };
}

async function answerTo(
  asked: string,
  { text, query }: { readonly text: string; readonly query: URLSearchParams },
  { dns, records }: { readonly dns: string; readonly records: Records },
): Promise<unknown> {
  const id = asked.slice(asked.lastIndexOf("/") + 1);
  switch (asked.replace(/\/r\d+$/, "")) {
    case "GET /v4/zones":
      return query.get("name") === "example.com" ? [{ id: "z1" }] : [];
    case "GET /v4/zones/z1/dns_records":
      return [...records]
        .filter(([, { host }]) => host === query.get("name"))
        .map(([key, { content }]) => ({ id: key, content }));
    case "POST /v4/zones/z1/dns_records": {
      const { name: host, content } = JSON.parse(text) as { name: string; content: string };
      records.set(`r${records.size + 1}`, { host, content });
      await post(`${dns}/set-txt`, { host: `${host}.`, value: content.replace(/^"|"$/g, "") });
      return {};
    }
    case "DELETE /v4/zones/z1/dns_records":
      await post(`${dns}/clear-txt`, { host: `${records.get(id)?.host}.` });
      records.delete(id);
      return {};
  }
  return [];
}

async function post(url: string, body: object): Promise<void> {
  await fetch(url, { method: "POST", body: JSON.stringify(body) });
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  return text;
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
