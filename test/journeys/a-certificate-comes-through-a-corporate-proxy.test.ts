import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { type Acme, certificateAt, startAcme } from "./support/acme.ts";
import { type CorporateProxy, startCorporateProxy } from "./support/corporate-proxy.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";

const name = "mirror.example.com";
const login = { user: "corp", password: "CANARY-corporate" };
const within = { withinMs: 60_000, everyMs: 100 };
const isHere = hasProgram("pebble") && hasProgram("tinyproxy");

describe.skipIf(!isHere)("an ACME service beyond a corporate proxy", () => {
  let journey: Journey;
  let acme: Acme;
  let proxy: CorporateProxy;
  let service: string;
  beforeAll(async () => {
    journey = await Journey.begin();
    const started = await startAcme(join(journey.folder, "acme"));
    journey.atEnd(started.end);
    acme = started.acme;
    service = new URL(acme.directory).host;
    const ports = [Number(new URL(acme.directory).port)];
    proxy = await startCorporateProxy(journey.folder, { ...login, ports });
    journey.atEnd(() => proxy.stop());
  });
  afterAll(() => journey?.end());

  async function open(folder: string, env: Environment) {
    const tlsPort = await freePort();
    const names = { ACME_DOMAINS: name, TLS_PORT: String(tlsPort) };
    const entrepot = await journey.entrepot({ ...acme.settings, ...names, ...env }, folder);
    // The next one needs its port for challenges.
    onTestFinished(async () => {
      await entrepot.stop();
    });
    return { ...entrepot, tlsPort };
  }

  function issued({ tlsPort, lines }: Pick<Entrepot, "lines"> & { readonly tlsPort: number }) {
    return eventually(async () => {
      const { issuer } = await certificateAt(tlsPort, name);
      if (!/pebble/i.test(issuer)) throw new Error(`${issuer}: ${lines.slice(-3).join("\n")}`);
    }, within);
  }

  it("is reached through it, with its login, and gives the certificate", async () => {
    const { user, password } = login;
    const HTTPS_PROXY = `http://${user}:${password}@127.0.0.1:${proxy.port}`;
    const entrepot = await open("through", { HTTPS_PROXY });
    await issued(entrepot);
    await eventually(async () => expect(await proxy.connects()).toContain(service));
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("is not had with a wrong login there, and the log names the proxy's answer", async () => {
    const HTTPS_PROXY = `http://corp:CANARY-wrong@127.0.0.1:${proxy.port}`;
    const { lines, tlsPort } = await open("wrong", { HTTPS_PROXY });
    const line = await eventually(
      () => lines.find((one) => one.includes("no new certificate")) ?? false,
      within,
    );
    expect(line).toMatch(/40[17]/);
    expect(line).not.toContain("CANARY");
    expect((await certificateAt(tlsPort, name)).issuer).not.toMatch(/pebble/i);
  });

  it("is asked directly when NO_PROXY has it", async () => {
    const before = (await proxy.connects()).length;
    const HTTPS_PROXY = `http://127.0.0.1:${proxy.port}`;
    await issued(await open("direct", { HTTPS_PROXY, NO_PROXY: "127.0.0.1" }));
    expect((await proxy.connects()).slice(before)).not.toContain(service);
  });
});
