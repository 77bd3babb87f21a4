/** The TLS listener: its certificates, wherever they come from, and what is opened and closed with it. */
import type { Admission } from "../../doors/server/admission.ts";
import type { ProxyProtocol } from "../../doors/server/proxy-protocol.ts";
import type { Leaves } from "../../doors/server/tls-handshake.ts";
import { CertificateFiles } from "../../doors/tls/certificate-files.ts";
import { isFor, type KeyPair } from "../../doors/tls/key-pair.ts";
import { ServedCertificates } from "../../doors/tls/served-certificates.ts";
import { TlsListener, type TlsListenerOptions } from "../../doors/tls/tls-listener.ts";
import type { Listening } from "../application.ts";
import type { Log } from "../log.ts";
import { readTrusted } from "../settings/named-files.ts";
import type { Settings } from "../settings/settings.ts";
import type { Listen } from "./listen.ts";

export type TlsParts = {
  readonly settings: Settings;
  readonly listen: Listen;
  readonly admission: Admission;
  readonly proxyProtocol: ProxyProtocol | undefined;
  readonly onRequest: TlsListenerOptions["onRequest"];
  readonly onHeadTooLong: TlsListenerOptions["onHeadTooLong"];
  readonly leaves: Leaves;
  /** Such, in whose contexts clients show certificates of these authorities. */
  readonly leavesFor: (clientAuthorities: readonly string[]) => Leaves;
  /** What a DNS command runs in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Pick<Log, "door" | "note">;
};

export type OpenTls = {
  readonly listening: Listening;
  readonly connections: () => Promise<number>;
  readonly stop: (deadline: AbortSignal) => Promise<void>;
  /** What is wrong with its certificates, in sentences. */
  readonly troubles: () => readonly string[];
  /** Whether one of its own certificates is for this name. */
  readonly covers: (host: string) => boolean;
};

const usualPort = 443;

/** Undefined when there is neither a TLS_PORT nor a socket for it. Throws DoorError with a sentence. */
export async function openTls(parts: TlsParts): Promise<OpenTls | undefined> {
  const { settings, log } = parts;
  const { host, tlsPort } = settings.listen;
  const { tls: fd } = parts.listen.sockets;
  if (tlsPort === undefined && fd === undefined) return undefined;
  const port = tlsPort ?? usualPort;
  const clientAuthorities = await clientAuthoritiesOf(settings);
  const isAsking = clientAuthorities.length > 0;
  const leaves = isAsking ? parts.leavesFor(clientAuthorities) : parts.leaves;
  const source = await openSource(parts);
  try {
    const listener = await TlsListener.open({
      ...{ host, port, fd, admission: parts.admission, observe: log.door },
      proxyProtocol: parts.proxyProtocol,
      certificates: new ServedCertificates({
        ...{ ...source, leaves, clientAuthorities },
      }),
      needsClientCertificate: isAsking,
      onRequest: parts.onRequest,
      onHeadTooLong: parts.onHeadTooLong,
      onError: (error) => log.note("error", "the TLS listener failed", { error: error.message }),
    });
    const { address } = listener;
    parts.listen.opened("tls", address.port);
    const stop = async (deadline: AbortSignal): Promise<void> => {
      await listener.stop(deadline);
      await source.close();
    };
    return {
      listening: { door: "tls", host: address.address, port: address.port },
      connections: () => listener.connections(),
      ...{ stop, troubles: source.troubles },
      covers: (name) => source.pairs().some((pair) => isFor(pair, name)),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

type Source = {
  readonly pairs: () => readonly KeyPair[];
  readonly troubles: () => readonly string[];
  readonly isLeafBetter: boolean;
  readonly close: () => Promise<void>;
};

async function openSource(parts: TlsParts): Promise<Source> {
  const { settings, log } = parts;
  const { tlsCert, tlsKey } = settings.listen;
  if (settings.mirror.acmeDomains.length > 0) {
    const { openAcme } = await import("./acme.ts");
    return { isLeafBetter: true, ...(await openAcme(parts)) };
  }
  if (tlsCert === undefined) {
    const none = () => [];
    return { pairs: none, troubles: none, isLeafBetter: true, close: async () => undefined };
  }
  const files = await CertificateFiles.open({
    certificate: tlsCert,
    key: tlsKey,
    observe: log.door,
  });
  return {
    pairs: () => files.pairs(),
    troubles: () => [],
    isLeafBetter: false,
    close: () => files.close(),
  };
}

/** Of TLS_CLIENT_CA. Throws SettingsError. */
async function clientAuthoritiesOf({ listen }: Settings): Promise<readonly string[]> {
  const { tlsClientCa: path } = listen;
  return path === undefined ? [] : [await readTrusted("TLS_CLIENT_CA", path)];
}
