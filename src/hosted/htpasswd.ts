/** A file of logins as htpasswd writes it: `user:hash` lines, with hashes that take an attacker time. */

export type PasswordHash = {
  readonly kind: "bcrypt" | "argon2";
  /** As it stands in the file. */
  readonly text: string;
};

export type Htpasswd = ReadonlyMap<string, PasswordHash>;

/** A line that cannot be used. Never holds what stands in it. */
export class HtpasswdError extends Error {
  readonly code = "HTPASSWD";
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = "HtpasswdError";
    this.line = line;
  }
}

const bcrypt = /^\$2[aby]\$(?:0[4-9]|1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$/;
const argon2 =
  /^\$argon2(?:id|i|d)\$v=19\$m=\d{1,7},t=\d{1,4},p=\d{1,3}\$[A-Za-z0-9+/]{11,172}\$[A-Za-z0-9+/]{16,172}$/;

/** Throws HtpasswdError for the first line that is none. */
export function parseHtpasswd(text: string): Htpasswd {
  const logins = new Map<string, PasswordHash>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const user = line.slice(0, colon);
    const hash = line.slice(colon + 1).trim();
    if (colon < 1) throw new HtpasswdError(index + 1, "is no user:hash");
    logins.set(user, { kind: kindOf(hash, index + 1), text: hash });
  }
  return logins;
}

function kindOf(hash: string, line: number): PasswordHash["kind"] {
  if (bcrypt.test(hash)) return "bcrypt";
  if (argon2.test(hash)) return "argon2";
  if (/^(?:\$apr1\$|\{SHA\})/.test(hash)) {
    throw new HtpasswdError(line, "has a hash that is broken in seconds; make it with htpasswd -B");
  }
  throw new HtpasswdError(line, "has no bcrypt or argon2 hash; make it with htpasswd -B");
}
