/**
 * `AUTH_REGISTRIES`: `host[:port]:user:password …`, with the delimiters of docker-registry-proxy. The
 * password is whatever follows, so it may contain the delimiter. No message here repeats a secret.
 */
import { formatHostPort, type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { registryNameOf } from "../../protocol/registry-name.ts";
import type { CredentialEntry } from "./credential.ts";
import { CredentialError } from "./credential-error.ts";

export type AuthRegistriesDelimiters = {
  /** Between entries; a space stands for any white space. */
  readonly entries: string;
  /** Inside an entry. */
  readonly fields: string;
};

export const usualDelimiters: AuthRegistriesDelimiters = { entries: " ", fields: ":" };

/** Throws CredentialError SYNTAX or DUPLICATE with a sentence that says what to write. */
export function parseAuthRegistries(
  text: string,
  delimiters: AuthRegistriesDelimiters = usualDelimiters,
): CredentialEntry[] {
  if (delimiters.entries === "" || delimiters.fields === "") {
    throw new CredentialError("SYNTAX", "the delimiters of AUTH_REGISTRIES must not be empty");
  }
  const separator = delimiters.entries === " " ? /\s+/ : delimiters.entries;
  const entries = text
    .split(separator)
    .map((part) => part.replace(/^\s+|(?<![\r\n])[\r\n]+$/g, ""))
    .filter((part) => part !== "")
    .map((part, index) => parseEntry(part, delimiters.fields, index + 1));
  refuseDuplicates(entries);
  return entries;
}

/** Throws CredentialError DUPLICATE when two entries mean the same host, port and repositories. */
export function refuseDuplicates(entries: readonly CredentialEntry[]): void {
  const seen = new Set<string>();
  for (const entry of entries) {
    const key = [registryNameOf(entry.address), ...(entry.repositories ?? [])].join(" ");
    if (seen.has(key)) {
      const host = formatHostPort(entry.address, 443);
      throw new CredentialError(
        "DUPLICATE",
        `there are two credentials for ${host}; keep one, or give each a repository pattern of its own`,
      );
    }
    seen.add(key);
  }
}

/** Where people go to see Docker Hub with a browser; its registry has another name. */
const hubSites = new Set(["hub.docker.com", "registry.hub.docker.com"]);

/** `https://index.docker.io/v1/`, as docker login writes it, is index.docker.io; undefined for no host. */
export function parseCredentialHost(text: string): HostPort | undefined {
  const address = parseHostPort(withoutUrl(text.trim()), 443);
  return address !== undefined && hubSites.has(address.host)
    ? { host: "docker.io", port: address.port }
    : address;
}

function withoutUrl(text: string): string {
  return text
    .replace(/^https:\/\//i, "")
    .replace(/^((?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?)\/(?:v[12]\/?)?(?=[^\w/.-]|$)/i, "$1");
}

function parseEntry(written: string, delimiter: string, position: number): CredentialEntry {
  if (/^http:\/\//i.test(written)) {
    throw wrong(position, "begins with http://, and logins go over https only", delimiter);
  }
  const text = withoutUrl(written);
  const { host, rest } = splitHost(text, delimiter);
  if (host.includes("/")) throw wrong(position, "has a path behind its host", delimiter);
  const fields = rest.split(delimiter);
  const hasPort = fields.length >= 3 && /^\d+$/.test(fields[0] ?? "") && !/:\d+$/.test(host);
  const [user = "", ...password] = hasPort ? fields.slice(1) : fields;
  const address = parseCredentialHost(hasPort ? `${host}:${fields[0]}` : host);
  const login = { user, password: password.join(delimiter) };
  if (address === undefined) throw wrong(position, "does not begin with a host", delimiter);
  if (user === "") throw wrong(position, "has no user", delimiter);
  if (login.password === "") throw wrong(position, "has no password", delimiter);
  if (user.includes(":")) throw wrong(position, "has a colon in the user", delimiter);
  return { address, login: { kind: "password", ...login } };
}

/** An IPv6 literal keeps the colons between its brackets. */
function splitHost(text: string, delimiter: string): { host: string; rest: string } {
  const from = text.startsWith("[") ? Math.max(text.indexOf("]"), 0) : 0;
  const end = text.indexOf(delimiter, from);
  if (end < 0) return { host: text, rest: "" };
  return { host: text.slice(0, end), rest: text.slice(end + delimiter.length) };
}

function wrong(position: number, what: string, delimiter: string): CredentialError {
  const form = ["host[:port]", "user", "password"].join(delimiter);
  return new CredentialError(
    "SYNTAX",
    `entry ${position} of AUTH_REGISTRIES ${what}; write ${form}`,
  );
}
