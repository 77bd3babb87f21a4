/**
 * What is kept of an ACME service: the account's key and each name's certificate with its key, for
 * their owner's eyes only. A certificate is written whole or not at all.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { KeyedMutex } from "../../../runtime/keyed-mutex.ts";
import { DoorError } from "../../door-error.ts";
import { certificatesIn, isFor, type KeyPair, keysIn, pairUp } from "../key-pair.ts";

export type KeptCertificate = {
  readonly pair: KeyPair;
  /** Or of the one that was asked before the operator named this one. */
  readonly isOfThisService: boolean;
};

/** Before the PEM blocks, where readers of PEM look at nothing. */
const origin = /^# from (.*)$/m;

export class AcmeFolder {
  readonly #path: string;
  readonly #directory: string;
  /** Of one service; another one has other accounts. */
  readonly #account: string;
  readonly #turns = new KeyedMutex<"account">();
  /** One for all names, as versions before this one ordered it. */
  readonly #common: string;

  private constructor(path: string, directory: string) {
    const service = createHash("sha256").update(directory).digest("hex").slice(0, 16);
    this.#path = path;
    this.#directory = directory;
    this.#account = join(path, `account-${service}.key`);
    this.#common = join(path, "certificate.pem");
  }

  /** Throws DoorError IO. */
  static async open(path: string, directory: string): Promise<AcmeFolder> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await chmod(path, 0o700);
    } catch (error) {
      throw ioError(path, error);
    }
    return new AcmeFolder(path, directory);
  }

  /** PEM; made on first use, and again when it is damaged: accounts cost nothing. Throws DoorError IO. */
  accountKey(): Promise<string> {
    // The orders of all names begin at once, and are to have one account.
    return this.#turns.run("account", () => this.#accountKey());
  }

  async #accountKey(): Promise<string> {
    const known = await readIfThere(this.#account);
    if (known !== undefined && keysIn(known).length > 0) return known;
    const key = newKey();
    await this.#write(this.#account, key);
    return key;
  }

  /** The certificate kept for a name, undefined when there is none that can be used. Throws DoorError IO. */
  async certificate(name: string): Promise<KeptCertificate | undefined> {
    const kept = await this.#read(this.#fileOf(name));
    const found = kept ?? (await this.#read(this.#common));
    const isForIt = found !== undefined && isFor(found.pair, name.replace("*.", "any."));
    return isForIt ? found : undefined;
  }

  #fileOf(name: string): string {
    return join(this.#path, `certificate-${name.replace("*", "_")}.pem`);
  }

  async #read(path: string): Promise<KeptCertificate | undefined> {
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    try {
      const pair = pairUp(text, keysIn(text), path);
      const from = origin.exec(text)?.[1] ?? this.#directory;
      return { pair, isOfThisService: from === this.#directory };
    } catch (error) {
      // Damaged: it is ordered again.
      if (error instanceof DoorError) return undefined;
      throw error;
    }
  }

  /** Keeps it, and gives it back ready for use. Throws DoorError CERTIFICATE, KEY or IO. */
  async keep(name: string, chain: string, key: string): Promise<KeyPair> {
    const pair = pairUp(chain, keysIn(key), "what the service sent");
    const text = `# from ${this.#directory}\n${certificatesIn(chain).join("\n")}\n${key}`;
    await this.#write(this.#fileOf(name), text);
    return pair;
  }

  async #write(path: string, text: string): Promise<void> {
    const draft = `${path}.new`;
    try {
      const file = await open(draft, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
    } catch (error) {
      throw ioError(this.#path, error);
    }
  }
}

/** EC P-256, PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw ioError(path, error);
  }
}

function ioError(path: string, cause: unknown): DoorError {
  return new DoorError("IO", `${path} cannot be read or written`, { cause });
}
