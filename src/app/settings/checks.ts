/** What no setting can tell by itself: settings that need, or exclude, one another. */
import { calledName, registryAddress, registryNameOf } from "../../protocol/registry-name.ts";
import { CredentialError } from "../../upstream/auth/credential-error.ts";
import { checkStore } from "./archive-place.ts";
import { credentialEntries, defaultRegistry, isOnLoopback, spokenTo } from "./derived.ts";
import type { Settings } from "./settings.ts";
import { shown } from "./shown.ts";

/** A sentence for each thing that does not fit. */
export function contradictions(settings: Settings): readonly string[] {
  return [
    ...checkListeners(settings),
    ...checkBackOffice(settings),
    ...checkCertificates(settings),
    ...checkAcme(settings),
    ...checkLogins(settings),
    ...checkHosted(settings),
    ...checkRecords(settings),
    ...checkStore(settings),
  ];
}

function checkListeners({ listen }: Settings): readonly string[] {
  if (listen.tlsPort !== listen.port) return [];
  return [`PORT and TLS_PORT are both ${listen.port}; write another TLS_PORT`];
}

function checkCertificates({ listen, authority }: Settings): readonly string[] {
  const sentences: string[] = [];
  if (listen.tlsKey !== undefined && listen.tlsCert === undefined) {
    sentences.push("TLS_KEY stands alone; write the certificate it belongs to as TLS_CERT");
  }
  if (listen.tlsCert !== undefined && listen.tlsPort === undefined) {
    sentences.push("TLS_CERT is set but nothing speaks TLS; write a TLS_PORT, such as 443");
  }
  if (listen.tlsClientCa !== undefined && listen.tlsPort === undefined) {
    sentences.push("TLS_CLIENT_CA is set but nothing speaks TLS; write a TLS_PORT, such as 443");
  }
  if ((authority.cert === undefined) !== (authority.key === undefined)) {
    const [is, needs] =
      authority.cert === undefined ? ["CA_KEY", "CA_CERT"] : ["CA_CERT", "CA_KEY"];
    sentences.push(`${is} stands alone; write ${needs} too`);
  }
  return sentences;
}

function checkAcme({ listen, mirror }: Settings): readonly string[] {
  const isUsed = mirror.acmeDirectory !== undefined || mirror.acmeDomains.length > 0;
  if (!isUsed) return [];
  const name = mirror.acmeDirectory === undefined ? "ACME_DOMAINS" : "ACME_DIRECTORY";
  const sentences: string[] = [];
  if (mirror.acmeDomains.length === 0) {
    sentences.push("ACME_DIRECTORY is set; write the names the certificate is for as ACME_DOMAINS");
  }
  if (listen.tlsPort === undefined) {
    sentences.push(`${name} is set but nothing speaks TLS; write a TLS_PORT, such as 443`);
  }
  if (listen.tlsCert !== undefined) {
    sentences.push(`TLS_CERT and ${name} are both set; keep one of them`);
  }
  if (mirror.acmeChallenge === "dns-01" && mirror.acmeDnsProvider === undefined) {
    sentences.push(
      "ACME_CHALLENGE is dns-01; write cloudflare, a command or an https:// address as ACME_DNS_PROVIDER",
    );
  }
  if (mirror.acmeChallenge === "http-01" && mirror.acmeDomains.some((each) => each[0] === "*")) {
    sentences.push("ACME_DOMAINS has a name with a star; write ACME_CHALLENGE=dns-01 for it");
  }
  if (mirror.acmeDnsProvider === "cloudflare" && mirror.cloudflareApiToken === undefined) {
    sentences.push("ACME_DNS_PROVIDER is cloudflare; write its token as CLOUDFLARE_API_TOKEN");
  }
  sentences.push(...checkHttpRequests(mirror));
  return sentences;
}

/** An address that is no secret, and a login that never goes in the clear. */
function checkHttpRequests({
  acmeDnsProvider,
  httpreqUsername,
  httpreqPassword,
}: Settings["mirror"]): readonly string[] {
  if (acmeDnsProvider === undefined || !/^https?:\/\//i.test(acmeDnsProvider)) return [];
  const url = URL.parse(acmeDnsProvider);
  if (url === null) return ["ACME_DNS_PROVIDER is no address; write https://dns.example.com/acme"];
  const sentences: string[] = [];
  if (url.username !== "" || url.password !== "") {
    const instead = "write its login as HTTPREQ_USERNAME and HTTPREQ_PASSWORD";
    sentences.push(`ACME_DNS_PROVIDER has a login in it; ${instead}`);
  }
  if ((httpreqUsername === undefined) !== (httpreqPassword === undefined)) {
    const [is, needs] =
      httpreqUsername === undefined ? ["PASSWORD", "USERNAME"] : ["USERNAME", "PASSWORD"];
    sentences.push(`HTTPREQ_${is} stands alone; write HTTPREQ_${needs} too`);
  }
  if (httpreqPassword !== undefined && url.protocol === "http:") {
    sentences.push("HTTPREQ_PASSWORD would go in the clear; write ACME_DNS_PROVIDER with https://");
  }
  return sentences;
}

function checkBackOffice({ listen }: Settings): readonly string[] {
  const { adminHost, adminPort, adminToken, adminReadToken, port, tlsPort } = listen;
  if (adminPort === 0) return [];
  const sentences: string[] = [];
  if (!isOnLoopback(adminHost) && adminToken === undefined && adminReadToken === undefined) {
    sentences.push(
      `ADMIN_HOST is ${adminHost}, which others reach; write ADMIN_TOKEN or ADMIN_READ_TOKEN too`,
    );
  }
  if (adminPort === port || adminPort === tlsPort) {
    sentences.push(`ADMIN_PORT is ${adminPort}, which clients use; choose another`);
  }
  return sentences;
}

/** One name has one meaning, unless a port tells two apart. */
function checkHosted({ hosted, mirror }: Settings): readonly string[] {
  const mirrored = new Set(mirror.hosts.map((each) => each.host));
  return hosted.hosts.flatMap(({ host, port }) =>
    port === undefined && mirrored.has(host)
      ? [`${host} is in HOSTED_HOSTS and in MIRROR_HOSTS; write it with a port in HOSTED_HOSTS`]
      : [],
  );
}

/** Several of us can share them, and then sign with one key and the same secret. */
function checkRecords({ records, authority }: Settings): readonly string[] {
  if (records.place.kind === "sqlite") return [];
  const needed = { CA_CERT: authority.cert, CA_KEY: authority.key };
  const missing = Object.entries({ ...needed, TOKEN_SECRET: authority.tokenSecret })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name);
  if (missing.length === 0) return [];
  return [`RECORDS is at a server that others can share; write ${missing.join(", ")} too`];
}

function checkLogins(settings: Settings): readonly string[] {
  const { access, mirror } = settings;
  const sentences: string[] = [];
  if (mirror.config.length > 0 && !mirror.configUser !== !mirror.configPassword) {
    const [is, needs] = mirror.configUser ? ["USERNAME", "PASSWORD"] : ["PASSWORD", "USERNAME"];
    sentences.push(`REGISTRY_PROXY_${is} stands alone; write REGISTRY_PROXY_${needs} too`);
  }
  try {
    sentences.push(...exposedLogins(settings));
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    sentences.push(error.message);
  }
  if (access.proxyAuth?.some((login) => !/^[^:]+:./.test(login)) === true) {
    sentences.push("PROXY_AUTH has a login without a password; write user:password");
  }
  if (mirror.login !== undefined && !loginNames(settings).includes(mirror.login)) {
    const names = loginNames(settings).join(", ");
    sentences.push(
      `MIRROR_LOGIN is ${shown(mirror.login)}; write one of ${names || "the names in MIRROR_HOSTS"}`,
    );
  }
  return sentences;
}

/** Logins that would have to go over plain HTTP, and so never go at all. */
function exposedLogins(settings: Settings): readonly string[] {
  return credentialEntries(settings).flatMap(({ address }) => {
    const name = registryNameOf(address);
    if (spokenTo(settings)({ name, scheme: "https" }).scheme === "https") return [];
    return [
      `there is a login for ${name}, which REGISTRIES has with http://, and logins go over https only; remove one of them`,
    ];
  });
}

/** Docker Hub as the default takes no logins: dockerd would hand it those of other registries. */
function loginNames(settings: Settings): readonly string[] {
  const { name } = defaultRegistry(settings);
  const hosts = settings.mirror.hosts.flatMap(({ host, registry }) => (registry ? [host] : []));
  return name === "docker.io" ? hosts : [...hosts, calledName(name), registryAddress(name).host];
}
