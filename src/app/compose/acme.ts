/** Certificates from an ACME service: its folder, how names are proven, and the way out to it. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AcmeCertificate } from "../../doors/tls/acme/acme-certificate.ts";
import { AcmeFolder } from "../../doors/tls/acme/acme-folder.ts";
import { AcmeService } from "../../doors/tls/acme/acme-service.ts";
import type { Challenges } from "../../doors/tls/acme/challenges.ts";
import { Cloudflare } from "../../doors/tls/acme/cloudflare-provider.ts";
import { CommandProvider } from "../../doors/tls/acme/command-provider.ts";
import { DnsChallenges, type DnsProvider } from "../../doors/tls/acme/dns-challenges.ts";
import { HttpChallenges } from "../../doors/tls/acme/http-challenges.ts";
import { HttpreqProvider } from "../../doors/tls/acme/httpreq-provider.ts";
import type { KeyPair } from "../../doors/tls/key-pair.ts";
import { parseBasic } from "../../protocol/http/basic-auth.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import type { CorporateProxy } from "../../upstream/net/corporate-proxy.ts";
import { systemAuthorities } from "../../upstream/net/tls-client.ts";
import { runOperatorCommand } from "../../upstream/operator-command.ts";
import type { Log } from "../log.ts";
import { readTrusted } from "../settings/named-files.ts";
import type { Settings } from "../settings/settings.ts";
import type { Listen } from "./listen.ts";

export type AcmeParts = {
  readonly settings: Settings;
  readonly listen: Pick<Listen, "sockets">;
  /** What a DNS command runs in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Pick<Log, "door">;
};

export type OpenAcme = {
  readonly pairs: () => readonly KeyPair[];
  /** Sentences about orders that failed. */
  readonly troubles: () => readonly string[];
  readonly close: () => Promise<void>;
};

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";

/** Sleeps of days hold no process. */
const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  pause(milliseconds, undefined, { signal, ref: false });

/** Starts ordering at once. Throws DoorError or SettingsError with a sentence. */
export async function openAcme(parts: AcmeParts): Promise<OpenAcme> {
  const { settings, log } = parts;
  const {
    acmeDomains: names,
    acmeDirectory: from = letsEncrypt,
    acmeEmail: email,
  } = settings.mirror;
  const service = new AcmeService({
    ...{ directory: from, email },
    authorities: [...systemAuthorities(), ...(await ownAuthority(settings))],
    proxy: proxyVariables(settings),
  });
  const folder = await AcmeFolder.open(join(settings.files.dataDir, "acme"), from);
  const { challenges, stop } = await openChallenges(parts, service);
  const timing = { now: Date.now, random: Math.random, sleep };
  const shared = { from, folder, service, challenges, observe: log.door, timing };
  const opening = [...new Set(names)].map((name) => AcmeCertificate.open({ ...shared, name }));
  const certificates = await Promise.all(opening);
  for (const certificate of certificates) certificate.start();
  const close = async (): Promise<void> => {
    await Promise.all(certificates.map((certificate) => certificate.close()));
    await stop();
  };
  return {
    pairs: () => certificates.flatMap((certificate) => certificate.pairs()),
    troubles: () => certificates.flatMap((certificate) => certificate.trouble() ?? []),
    close,
  };
}

async function openChallenges(
  { settings, listen, environment }: AcmeParts,
  service: AcmeService,
): Promise<{ readonly challenges: Challenges; readonly stop: () => Promise<void> }> {
  const { acmeChallenge, acmeHttpPort, acmeDnsWait: settle } = settings.mirror;
  if (acmeChallenge === "dns-01") {
    const provider = dnsProvider(settings, service, environment);
    const challenges = new DnsChallenges({ provider, settle, sleep });
    return { challenges, stop: async () => undefined };
  }
  const challenges = await HttpChallenges.open(
    settings.listen.host,
    acmeHttpPort,
    listen.sockets.http,
  );
  return { challenges, stop: () => challenges.stop(AbortSignal.abort()) };
}

function dnsProvider(
  { mirror }: Settings,
  { send }: AcmeService,
  environment: AcmeParts["environment"],
): DnsProvider {
  const { acmeDnsProvider = "", cloudflareApiToken: token = "", cloudflareApi } = mirror;
  if (acmeDnsProvider === "cloudflare") {
    return new Cloudflare({ api: withoutSlash(cloudflareApi), token, send });
  }
  if (/^https?:\/\//i.test(acmeDnsProvider)) {
    const { httpreqUsername: user, httpreqPassword: password } = mirror;
    const login = user === undefined || password === undefined ? undefined : { user, password };
    return new HttpreqProvider({ endpoint: withoutSlash(acmeDnsProvider), login, send });
  }
  return new CommandProvider(acmeDnsProvider, (command, signal) =>
    runOperatorCommand(command, { environment, signal }),
  );
}

function withoutSlash(url: string): string {
  return url.replace(/(?<!\/)\/+$/, "");
}

async function ownAuthority({ mirror }: Settings): Promise<readonly string[]> {
  const { acmeCa } = mirror;
  if (acmeCa === undefined) return [];
  return [await readTrusted("ACME_CA", acmeCa)];
}

/** As Node's agents read them from an environment. */
function proxyVariables({ upstream }: Settings) {
  const { httpsProxy, noProxy } = upstream;
  if (httpsProxy === undefined) return {};
  return { HTTPS_PROXY: urlOf(httpsProxy), NO_PROXY: noProxy };
}

function urlOf({ scheme, address, authorization }: CorporateProxy): string {
  const login = parseBasic(authorization ?? "");
  const [user, password] = [login?.user ?? "", login?.password ?? ""].map(encodeURIComponent);
  const before = login === undefined ? "" : `${user}:${password}@`;
  return `${scheme}://${before}${formatHostPort(address)}`;
}
