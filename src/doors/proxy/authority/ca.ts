/**
 * The certificate authority that clients trust: made on the first start, or the operator's own. Its key
 * leaves this process only as signatures.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { join } from "node:path";
import { DoorError } from "../../door-error.ts";
import { distinguishedName, keyIdentifierOf, readIssuer, signCertificate } from "./certificate.ts";
import {
  basicConstraints,
  keyUsage,
  nameConstraints,
  serverAuthOnly,
  subjectKeyIdentifier,
} from "./extensions.ts";
import {
  createKeyFile,
  makeKeyFolder,
  readCertificateFile,
  readKeyFile,
  writeCertificateFile,
} from "./key-files.ts";
import { permittedDomains } from "./name-constraints.ts";

export type Authority = {
  /** What clients put into their trust store, PEM. */
  readonly root: string;
  /** The one that takes its place when the operator says so: clients are to trust it already. */
  readonly next: NextAuthority | undefined;
  /** SHA-256 of the root, as `AB:CD:…`. */
  readonly fingerprint: string;
  /** What goes over the wire after a leaf: everything between it and the root, PEM. */
  readonly chain: string;
  /** The issuing certificate's end, in milliseconds since 1970. */
  readonly notAfter: number;
  /** The issuing certificate's subject in DER. */
  readonly subject: Buffer;
  readonly keyIdentifier: Buffer | undefined;
  /** The domains it is limited to; undefined when it is good for any. */
  readonly domains: readonly string[] | undefined;
  readonly key: KeyObject;
};

export type NextAuthority = Pick<Authority, "root" | "fingerprint">;

export type AuthorityOptions = {
  /** Where our own CA lies or is made: `ca.crt` and `ca.key`. */
  readonly folder: string;
  /** The names of those, `ca` when left out. */
  readonly name?: "ca" | "next";
  /** CA_CERT and CA_KEY: the operator's own, never written to. */
  readonly own?: { readonly certificate: string; readonly key: string } | undefined;
  readonly passphrase?: string | undefined;
  /** A CA made now is good for these hosts and what is below them only. */
  readonly onlyFor?: readonly string[] | undefined;
  readonly now: () => number;
};

const day = 86_400_000;

/** docker-registry-proxy locks its key with this, and tells everybody. */
const usualPassphrase = "foobar";

/** Throws DoorError with a sentence for the operator; nothing is ever overwritten. */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { own, passphrase, now } = options;
  const paths = own ?? ownPaths(options);
  const keyText = await readKeyFile(paths.key);
  const certificates = await readCertificateFile(paths.certificate);
  if (keyText === undefined && certificates === undefined && own === undefined) {
    return makeAuthority(options, paths);
  }
  if (keyText === undefined) throw missing("KEY", paths.key, options);
  const key = parseKey(keyText, paths.key, passphrase);
  if (certificates !== undefined) {
    const authority = authorityOf(certificates, key, paths.certificate, now());
    return { ...authority, next: own === undefined ? await nextOf(options) : undefined };
  }
  if (own !== undefined) throw missing("CERTIFICATE", paths.certificate, options);
  // An earlier start was cut off between the two files.
  return certify(key, options, paths.certificate);
}

function ownPaths({ folder, name = "ca" }: AuthorityOptions): Paths {
  return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

/** Where one waits; without its key it has taken the place already. */
async function nextOf(options: AuthorityOptions): Promise<NextAuthority | undefined> {
  if (options.name === "next") return undefined;
  const { certificate, key } = ownPaths({ ...options, name: "next" });
  const pem = await readCertificateFile(certificate);
  if (pem === undefined || (await readKeyFile(key)) === undefined) return undefined;
  const [root] = parseCertificates(pem, certificate);
  return root && { root: root.toString(), fingerprint: root.fingerprint256 };
}

type Paths = { readonly certificate: string; readonly key: string };

async function makeAuthority(options: AuthorityOptions, paths: Paths): Promise<Authority> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await makeKeyFolder(options.folder);
  await createKeyFile(paths.key, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return certify(privateKey, options, paths.certificate);
}

async function certify(
  key: KeyObject,
  { now, onlyFor, name: its = "ca" }: AuthorityOptions,
  path: string,
): Promise<Authority> {
  const publicKey = createPublicKey(key);
  // The next one may be made on the same day, and people are to tell them apart.
  const made = new Date(now()).toISOString().slice(0, its === "next" ? 16 : 10);
  const name = distinguishedName("Entrepot", `Entrepot CA ${made}`);
  const certificate = signCertificate(
    {
      issuer: name,
      subject: name,
      notBefore: now() - 2 * day, // a client's clock may be behind
      notAfter: now() + 3 * 365 * day,
      publicKey,
      extensions: [
        basicConstraints(true),
        keyUsage(true),
        serverAuthOnly(),
        subjectKeyIdentifier(keyIdentifierOf(publicKey)),
        ...(onlyFor === undefined ? [] : [nameConstraints(onlyFor)]),
      ],
    },
    key,
  );
  await writeCertificateFile(path, certificate);
  return authorityOf(certificate, key, path, now());
}

function authorityOf(pem: string, key: KeyObject, path: string, now: number): Authority {
  const all = parseCertificates(pem, path);
  const issuing = all.find((one) => one.checkPrivateKey(key));
  if (issuing === undefined) {
    throw new DoorError(
      "CERTIFICATE",
      `no certificate in ${path} belongs to the CA's key; the two have to be a pair`,
    );
  }
  if (!issuing.ca) {
    throw new DoorError(
      "CERTIFICATE",
      `the certificate in ${path} may not sign others; write that of a CA`,
    );
  }
  if (issuing.validToDate.getTime() <= now) {
    throw new DoorError(
      "CERTIFICATE",
      `the CA in ${path} has expired (${issuing.validTo}); remove it with its key to have a new one made, which clients must then trust`,
    );
  }
  const chain = chainOf(issuing, all);
  const root = chain.at(-1) ?? issuing;
  return {
    ...{ root: root.toString(), next: undefined },
    fingerprint: root.fingerprint256,
    chain: chain.filter((one) => !one.checkIssued(one)).join(""),
    notAfter: issuing.validToDate.getTime(),
    ...readIssuer(issuing.raw),
    domains: permittedDomains(issuing.raw),
    key,
  };
}

/** From the issuing certificate up to the root, as far as the file has it. */
function chainOf(issuing: X509Certificate, all: readonly X509Certificate[]): X509Certificate[] {
  const chain = [issuing];
  for (let last = issuing; !last.checkIssued(last); ) {
    const parent = all.find((one) => !chain.includes(one) && last.checkIssued(one));
    if (parent === undefined) break;
    chain.push(parent);
    last = parent;
  }
  return chain;
}

function parseCertificates(pem: string, path: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw unreadable("CERTIFICATE", `${path} has no readable certificate`, error);
  }
}

function parseKey(pem: string, path: string, passphrase = usualPassphrase): KeyObject {
  const key = tryKey(pem, path, passphrase);
  if (key.asymmetricKeyType !== "ec" && key.asymmetricKeyType !== "rsa") {
    throw new DoorError("KEY", `${path} must hold an EC or RSA key, not ${key.asymmetricKeyType}`);
  }
  return key;
}

function tryKey(pem: string, path: string, passphrase: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch (error) {
    const sentence = pem.includes("ENCRYPTED")
      ? `${path} is locked with a pass-phrase; set CA_KEY_PASSPHRASE to the right one`
      : `${path} holds no readable private key (PEM)`;
    throw unreadable("KEY", sentence, error);
  }
}

function unreadable(code: "KEY" | "CERTIFICATE", sentence: string, cause: unknown): DoorError {
  return new DoorError(code, sentence, { cause });
}

function missing(code: "KEY" | "CERTIFICATE", path: string, { own }: AuthorityOptions): DoorError {
  const name = code === "KEY" ? "CA_KEY" : "CA_CERT";
  const remedy =
    own === undefined
      ? "put it back, or remove what is left of the CA to have a new one made, which clients must then trust"
      : `write the path of a file that is there as ${name}`;
  return new DoorError(code, `${path} is missing; ${remedy}`);
}
