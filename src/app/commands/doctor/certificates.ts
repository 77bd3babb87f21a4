/** How long certificates are good: our CA's or the operator's, those of TLS_PORT from wherever, the clients' CA. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CertificateFiles } from "../../../doors/tls/certificate-files.ts";
import { namesOf } from "../../../doors/tls/key-pair.ts";
import type { Settings } from "../../settings/settings.ts";
import type { Examination } from "./examination.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

const day = 86_400_000;

type Found = {
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** Fewer days are worth a word. */
  readonly enough: number;
  readonly mend: string;
};

export async function lookAtCertificates(its: Examination): Promise<readonly Symptom[]> {
  const { settings, mayAsk } = its;
  const found = [
    ...(await authority(settings)),
    ...(await clientAuthority(settings)),
    ...(mayAsk ? await fromFiles(settings) : []),
  ];
  return [...found.map((one) => judged(one, its.now())), ...(await lookAtOrdered(its))];
}

async function authority({ authority: own, files }: Settings): Promise<readonly Found[]> {
  const path = own.cert ?? join(files.dataDir, "ca", "ca.crt");
  const mend =
    "entrepot ca rotate makes the next one, which clients trust beside it until it signs";
  const theirs = "every client has to trust the one that takes its place: CA_CERT, CA_KEY";
  return await read(path, {
    what: "the CA",
    enough: 60,
    mend: own.cert === undefined ? mend : theirs,
  });
}

async function clientAuthority({ listen }: Settings): Promise<readonly Found[]> {
  const { tlsClientCa: path } = listen;
  if (path === undefined) return [];
  const mend = "write the CA that signs the clients' certificates next as TLS_CLIENT_CA";
  return await read(path, { what: "TLS_CLIENT_CA", enough: 30, mend });
}

async function fromFiles({ listen }: Settings): Promise<readonly Found[]> {
  const { tlsCert: certificate, tlsKey: key } = listen;
  if (certificate === undefined) return [];
  const files = await CertificateFiles.open({ certificate, key, observe: () => undefined });
  const pairs = files.pairs();
  await files.close();
  const mend = "renew it; files are read again within a minute";
  return pairs.map((pair) => ({
    ...{ what: `the certificate for ${namesOf(pair)}`, notAfter: pair.notAfter },
    ...{ enough: 14, mend },
  }));
}

/** Renewed by itself: one that is nearly over was not. */
async function lookAtOrdered({ settings, now }: Examination): Promise<readonly Symptom[]> {
  const folder = join(settings.files.dataDir, "acme");
  const looks = settings.mirror.acmeDomains.map(async (name) => {
    const mend = "/readyz and the log (no new certificate) say why, and when it is tried again";
    const its = { what: `the certificate for ${name}`, enough: 7, mend };
    const [found] = await read(join(folder, `certificate-${name.replace("*", "_")}.pem`), its);
    return found === undefined
      ? mind(`there is no certificate for ${name} yet`, `a start orders it; ${mend}`)
      : judged(found, now());
  });
  return await Promise.all(looks);
}

/** Nothing where there is none, as before the first start. */
async function read(path: string, its: Omit<Found, "notAfter">): Promise<readonly Found[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  // Before it may stand where it came from.
  const at = text.indexOf("-----BEGIN CERTIFICATE-----");
  if (at < 0) return [];
  return [{ ...its, notAfter: new X509Certificate(text.slice(at)).validToDate.getTime() }];
}

function judged({ what, notAfter, enough, mend }: Found, now: number): Symptom {
  const left = Math.floor((notAfter - now) / day);
  if (left < 0) return wrong(`${what} ended ${-left} days ago`, mend);
  const until = `${what} is good for ${left} days`;
  return left >= enough ? well(until) : mind(until, mend);
}
