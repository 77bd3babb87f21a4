/**
 * The operator's own certificates: one file with its key, or a folder with as many pairs as it likes.
 * Looked at every few seconds; what changed is taken up, what is broken is told of and not used.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DoorError } from "../door-error.ts";
import type { ObserveDoor } from "../door-event.ts";
import { certificatesIn, type KeyPair, keysIn, namesOf, pairUp } from "./key-pair.ts";

export type CertificateFilesOptions = {
  /** A PEM file, or a folder with cert.pem and key.pem, or with several such pairs. */
  readonly certificate: string;
  /** Not needed when the certificate's file, or folder, holds it. */
  readonly key: string | undefined;
  readonly observe: ObserveDoor;
  /** Milliseconds between two looks; 5 s. */
  readonly interval?: number | undefined;
};

type Texts = ReadonlyMap<string, string>;

const fileNames = /\.(?:pem|crt|cert|cer|key)$/i;

/** How deep pairs may lie in a folder, such as `live/registry.example.com/`. */
const deepest = 2;

export class CertificateFiles {
  readonly #options: CertificateFilesOptions;
  readonly #timer: NodeJS.Timeout;
  #pairs: readonly KeyPair[] = [];
  #seen = "";
  #looking: Promise<void> | undefined;

  private constructor(options: CertificateFilesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), options.interval ?? 5_000).unref();
  }

  /** Throws DoorError with a sentence when nothing there can be used. */
  static async open(options: CertificateFilesOptions): Promise<CertificateFiles> {
    const files = new CertificateFiles(options);
    try {
      files.#seen = await stateOf(options);
      files.#pairs = await readPairs(options);
      return files;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Never empty; the first is for clients that name no host. */
  pairs(): readonly KeyPair[] {
    return this.#pairs;
  }

  /** Takes up what changed. Never rejects: what cannot be used is told of, once. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const state = await stateOf(this.#options);
    if (state === this.#seen) return;
    this.#seen = state;
    const { observe, certificate: from } = this.#options;
    try {
      this.#pairs = await readPairs(this.#options);
      for (const pair of this.#pairs) {
        observe({ kind: "certificateTaken", from, names: namesOf(pair), until: pair.notAfter });
      }
    } catch (cause) {
      observe({ kind: "certificateFailed", from, cause });
    }
  }
}

/** Changes whenever a file does, also when a symbolic link leads somewhere else. */
async function stateOf({ certificate, key }: CertificateFilesOptions): Promise<string> {
  const paths = await filesAt(certificate).catch(() => [certificate]);
  const states = [...paths, ...(key === undefined ? [] : [key])].map(async (path) => {
    const found = await stat(path).catch(() => undefined);
    return `${path} ${found?.ino} ${found?.size} ${found?.mtimeMs}`;
  });
  return (await Promise.all(states)).join("\n");
}

async function readPairs({ certificate, key }: CertificateFilesOptions): Promise<KeyPair[]> {
  const texts = await readAll(await filesAt(certificate));
  const keyTexts = key === undefined ? texts : await readAll([key]);
  const pairs = pairsIn(texts, keyTexts);
  if (pairs.length > 0) return pairs;
  const [first] = [...texts].filter(([, text]) => certificatesIn(text).length > 0);
  if (first === undefined) throw noCertificate(certificate);
  const keys = [...keyTexts.values()].flatMap(keysIn);
  if (keys.length > 0) return [pairUp(first[1], keys, first[0])];
  const where = key ?? certificate;
  throw new DoorError(
    "KEY",
    `${where} has no private key without a pass-phrase; write the path of one as TLS_KEY`,
  );
}

/** Every certificate that has its key, each leaf once: with the longest chain there is of it. */
function pairsIn(texts: Texts, keyTexts: Texts): KeyPair[] {
  const keys = [...keyTexts.values()].flatMap(keysIn);
  const byLeaf = new Map<string, KeyPair>();
  for (const [path, text] of texts) {
    const pair = certificatesIn(text).length === 0 ? undefined : pairIfOwn(text, keys, path);
    if (pair === undefined) continue;
    const known = byLeaf.get(pair.leaf.fingerprint256);
    if (known === undefined || known.chainLength < pair.chainLength) {
      byLeaf.set(pair.leaf.fingerprint256, pair);
    }
  }
  return [...byLeaf.values()];
}

/** A folder may hold certificates of others too, such as the CA's. */
function pairIfOwn(text: string, keys: ReturnType<typeof keysIn>, path: string) {
  try {
    return pairUp(text, keys, path);
  } catch (error) {
    if (error instanceof DoorError && error.code === "KEY") return undefined;
    throw error;
  }
}

async function readAll(paths: readonly string[]): Promise<Texts> {
  const texts = await Promise.all(paths.map(async (path) => [path, await readText(path)] as const));
  return new Map(texts);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The file itself, or what a folder holds; cert.pem and key.pem first, then by name. */
async function filesAt(path: string, depth = 0): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (!found.isDirectory()) return depth === 0 || fileNames.test(path) ? [path] : [];
  if (depth > deepest) return [];
  // Kubernetes keeps what it swaps in hidden folders.
  const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort();
  const usual = ["cert.pem", "key.pem"].filter((name) => names.includes(name));
  const lists = [...new Set([...usual, ...names])].map((name) =>
    filesAt(join(path, name), depth + 1),
  );
  return (await Promise.all(lists)).flat();
}

function noCertificate(path: string): DoorError {
  const sentence = `${path} has no certificate; write the path of a PEM file as TLS_CERT`;
  return new DoorError("CERTIFICATE", sentence);
}

function unreadable(path: string, cause: unknown): DoorError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const remedy = "TLS_CERT and TLS_KEY have to name files that can be";
  return new DoorError("IO", `${path} cannot be read (${code}); ${remedy}`, { cause });
}
