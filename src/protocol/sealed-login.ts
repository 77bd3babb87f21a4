/**
 * A client's login, sealed so that it can travel in a token of ours: only this proxy opens it, and
 * only for the registry that it was given for.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { RegistryName } from "./registry-name.ts";

const cipher = "aes-256-gcm";
const ivLength = 12;
const tagLength = 16;

export class SealedLogins {
  readonly #key: Uint8Array;

  /** The key is derived from the secret that signs the tokens. */
  constructor(secret: Uint8Array) {
    this.#key = new Uint8Array(hkdfSync("sha256", secret, "", "entrepot: logins in tokens", 32));
  }

  /** `authorization` is what is sent to the registry. */
  seal(authorization: string, registry: RegistryName): string {
    const iv = randomBytes(ivLength);
    const sealing = createCipheriv(cipher, this.#key, iv).setAAD(Buffer.from(registry));
    const sealed = Buffer.concat([sealing.update(authorization, "utf8"), sealing.final()]);
    return Buffer.concat([iv, sealing.getAuthTag(), sealed]).toString("base64url");
  }

  /** Undefined when it was not sealed here, or for another registry. */
  open(text: string, registry: RegistryName): string | undefined {
    const bytes = Buffer.from(text, "base64url");
    if (bytes.length < ivLength + tagLength) return undefined;
    const opening = createDecipheriv(cipher, this.#key, bytes.subarray(0, ivLength), {
      authTagLength: tagLength,
    });
    opening.setAAD(Buffer.from(registry));
    opening.setAuthTag(bytes.subarray(ivLength, ivLength + tagLength));
    try {
      const start = opening.update(bytes.subarray(ivLength + tagLength));
      return Buffer.concat([start, opening.final()]).toString("utf8");
    } catch {
      return undefined;
    }
  }
}
