/** Whether a password fits a hash. Takes its time, and the thread's: called in a thread of its own. */
import { argon2Sync, timingSafeEqual } from "node:crypto";
import { compareSync } from "bcryptjs";
import type { PasswordHash } from "./htpasswd.ts";

export function fits(password: string, { kind, text }: PasswordHash): boolean {
  return kind === "bcrypt" ? compareSync(password, text) : fitsArgon2(password, text);
}

const form = /^\$argon2(id|i|d)\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/;

function fitsArgon2(password: string, text: string): boolean {
  const [, kind = "id", memory, passes, parallelism, salt = "", hash = ""] = form.exec(text) ?? [];
  const right = Buffer.from(hash, "base64");
  const found = argon2Sync(kind === "i" || kind === "d" ? `argon2${kind}` : "argon2id", {
    message: password,
    nonce: Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: right.length,
  });
  return timingSafeEqual(found, right);
}
