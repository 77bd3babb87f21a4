/** `entrepot setup NAME`: what the front page gives out at `/setup/NAME`, printed here, with a server or without one. */

import { setupFacts } from "../../doors/front-page/setup-facts.ts";
import { findHandout, handouts, refusalOf } from "../../doors/front-page/setup-handouts.ts";
import type { SetupFacts } from "../../doors/front-page/setup-script.ts";
import { type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { reachOf } from "../compose/listen.ts";
import { setupHostOf } from "../compose/setup-host.ts";
import type { Settings } from "../settings/settings.ts";
import { caPath, readCa, whyNoCa } from "./ca.ts";

export type SetupAsk = {
  readonly name: string | undefined;
  /** By which clients reach the server; undefined: PUBLIC_URL, or an address of this machine. */
  readonly address: string | undefined;
  readonly settings: Settings;
  readonly print: (text: string) => void;
  readonly fail: (sentence: string) => void;
};

/** Resolves with the exit code. */
export async function printSetup(ask: SetupAsk): Promise<number> {
  const { name, settings, print, fail } = ask;
  if (name === undefined) {
    for (const one of handouts) print(`${one.name.padEnd(15)} ${one.summary}`);
    return 0;
  }
  const given = findHandout(name);
  if (given === undefined) {
    fail(`there is no set-up called ${name}; entrepot setup lists them`);
    return 2;
  }
  const at = addressOf(ask);
  if (at === undefined) {
    fail(`${ask.address} is no address: write cache.lan or cache.lan:3128`);
    return 2;
  }
  const facts = await factsAt(at, settings).catch((error: unknown) => {
    const { cert } = settings.authority;
    fail(whyNoCa(error, cert ?? caPath(settings.files.dataDir), cert === undefined));
    return undefined;
  });
  if (facts === undefined) return 1;
  const refusal = refusalOf(given, facts);
  if (refusal !== undefined) {
    fail(refusal);
    return 1;
  }
  print(given.print(facts).trimEnd());
  return 0;
}

type Reached = { readonly host: HostPort; readonly isTls: boolean };

function addressOf({ address, settings }: SetupAsk): Reached | undefined {
  const { host, port, publicUrl } = settings.listen;
  const text = address ?? publicUrl;
  if (text === undefined) {
    const [name = host] = reachOf(host, settings.access.allowClients).names;
    return { host: { host: name, port }, isTls: false };
  }
  const isTls = text.startsWith("https://");
  const plainPort = address === undefined ? 80 : port;
  const [bare = ""] = text.replace(/^https?:\/\//, "").split("/", 1);
  const parsed = parseHostPort(bare, isTls ? 443 : plainPort);
  return parsed && { host: parsed, isTls };
}

async function factsAt(at: Reached, settings: Settings): Promise<SetupFacts> {
  const { certificate, next } = await readCa(settings.authority.cert, settings.files.dataDir);
  const authority = {
    root: certificate.toString(),
    fingerprint: certificate.fingerprint256,
    next: next && { root: next.toString() },
  };
  const self = { ...setupHostOf(settings), authority, proxyPort: () => settings.listen.port };
  return setupFacts(self, { ...at, isDirect: true });
}
