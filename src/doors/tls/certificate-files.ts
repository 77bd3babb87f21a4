/**
 * The operator's own certificates: one file with its key, or a folder with as many pairs as it likes.
 * Looked at every few seconds; what changed is taken up, what is broken is told of and not used.
 */
import type { KeyObject } from "node:crypto";
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

/** What each file holds, or why that cannot be known. */
type Texts = ReadonlyMap<string, string | DoorError>;

type Found = {
  /** By the file that the certificate is in. */
  readonly pairs: ReadonlyMap<string, KeyPair>;
  readonly problems: readonly DoorError[];
};

const fileNames = /\.(?:pem|crt|cert|cer|key)$/i;

/** How deep pairs may lie in a folder, such as `live/registry.example.com/`. */
const deepest = 2;

export class CertificateFiles {
  readonly #options: CertificateFilesOptions;
  readonly #timer: NodeJS.Timeout;
  #pairs: ReadonlyMap<string, KeyPair> = new Map();
  #seen = "";
  /** What was wrong at the last look, in words. */
  #told: ReadonlySet<string> = new Set();
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
      const { pairs, problems } = await findPairs(options, new Map());
      const [problem] = problems;
      if (problem !== undefined) throw problem;
      files.#pairs = pairs;
      return files;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Never empty; the first is for clients that name no host. */
  pairs(): readonly KeyPair[] {
    return [...this.#pairs.values()];
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
    // What could not be read may be readable now, though nothing in it has changed.
    if (state === this.#seen && this.#told.size === 0) return;
    this.#seen = state;
    try {
      const { pairs, problems } = await findPairs(this.#options, this.#pairs);
      const before = new Set(this.pairs().map(({ leaf }) => leaf.fingerprint256));
      this.#pairs = pairs;
      const isNew = ({ leaf }: KeyPair) => !before.has(leaf.fingerprint256);
      this.#tell(this.pairs().filter(isNew), problems);
    } catch (cause) {
      this.#tell([], [cause]);
    }
  }

  #tell(taken: readonly KeyPair[], problems: readonly unknown[]): void {
    const { observe, certificate: from } = this.#options;
    for (const pair of taken) {
      observe({ kind: "certificateTaken", from, names: namesOf(pair), until: pair.notAfter });
    }
    const known = this.#told;
    this.#told = new Set(problems.map(String));
    for (const cause of problems) {
      if (!known.has(String(cause))) observe({ kind: "certificateFailed", from, cause });
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

/** Throws DoorError when there is nothing that could be used, before or now. */
async function findPairs(
  { certificate, key }: CertificateFilesOptions,
  before: ReadonlyMap<string, KeyPair>,
): Promise<Found> {
  const texts = await readAll(await filesAt(certificate));
  const keyTexts = key === undefined ? texts : await readAll([key]);
  const { pairs, problems: others } = pairsIn(texts, keyTexts, before);
  const problems = [...(key === undefined ? [] : problemsIn(keyTexts)), ...others];
  if (pairs.size > 0) return { pairs, problems };
  const [problem] = problems;
  if (problem !== undefined) throw problem;
  const keys = allKeys(keyTexts);
  for (const [path, text] of texts) {
    if (certificatesIn(String(text)).length === 0) continue;
    if (keys.length > 0) pairUp(String(text), keys, path);
    throw keyless(key ?? certificate);
  }
  throw noCertificate(certificate);
}

/** Every certificate that has its key, each leaf once: with the longest chain there is of it. */
function pairsIn(texts: Texts, keyTexts: Texts, before: ReadonlyMap<string, KeyPair>): Found {
  const keys = allKeys(keyTexts);
  const problems: DoorError[] = [];
  const byLeaf = new Map<string, readonly [string, KeyPair]>();
  for (const [path, text] of texts) {
    const { pair, problem } = pairIn(text, keys, path, before.get(path));
    if (problem !== undefined) problems.push(problem);
    if (pair === undefined) continue;
    const twin = byLeaf.get(pair.leaf.fingerprint256)?.[1];
    if (twin === undefined || twin.chainLength < pair.chainLength) {
      byLeaf.set(pair.leaf.fingerprint256, [path, pair]);
    }
  }
  return { pairs: new Map(byLeaf.values()), problems };
}

type Reading = { readonly pair?: KeyPair | undefined; readonly problem?: DoorError };

/** A file that is only being replaced, and its key with it, stands for the pair it held before. */
function pairIn(
  text: string | DoorError,
  keys: readonly KeyObject[],
  path: string,
  before: KeyPair | undefined,
): Reading {
  try {
    if (text instanceof DoorError) throw text;
    if (certificatesIn(text).length > 0) return { pair: pairUp(text, keys, path) };
    // A folder may hold files without any certificate.
    return before === undefined ? {} : { pair: before, problem: noCertificate(path) };
  } catch (error) {
    if (!(error instanceof DoorError)) throw error;
    // And certificates of others, such as the CA's.
    const isOthers = before === undefined && error.code === "KEY";
    return isOthers ? {} : { pair: before, problem: error };
  }
}

function allKeys(texts: Texts): readonly KeyObject[] {
  return [...texts.values()].flatMap((text) => (typeof text === "string" ? keysIn(text) : []));
}

function problemsIn(texts: Texts): readonly DoorError[] {
  return [...texts.values()].filter((text) => text instanceof DoorError);
}

async function readAll(paths: readonly string[]): Promise<Texts> {
  const texts = paths.map(async (path) => [path, await readText(path)] as const);
  return new Map(await Promise.all(texts));
}

async function readText(path: string): Promise<string | DoorError> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    return unreadable(path, error);
  }
}

/** The file itself, or what a folder holds; cert.pem and key.pem first, then by name. */
async function filesAt(path: string, depth = 0): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    if (depth === 0) throw unreadable(path, error);
  });
  // What is gone, or led to by a broken link, is told of when it is read.
  if (found?.isDirectory() !== true) return depth === 0 || fileNames.test(path) ? [path] : [];
  if (depth > deepest) return [];
  // Kubernetes keeps what it swaps in hidden folders.
  const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort();
  const usual = ["cert.pem", "key.pem"].filter((name) => names.includes(name));
  const lists = [...new Set([...usual, ...names])].map((name) =>
    filesAt(join(path, name), depth + 1),
  );
  return (await Promise.all(lists)).flat();
}

function keyless(path: string): DoorError {
  const sentence = `${path} has no private key without a pass-phrase; write the path of one as TLS_KEY`;
  return new DoorError("KEY", sentence);
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
