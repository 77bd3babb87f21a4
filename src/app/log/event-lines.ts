/** What each event of the rooms is worth: a level, a message and the facts, or no line at all. */
import type { CacheEvent } from "../../cache/cache-event.ts";
import type { DoorEvent } from "../../doors/door-event.ts";
import type { HostedEvent } from "../../hosted/hosted-event.ts";
import type { RegistryEvent } from "../../registry/registry-event.ts";
import type { StoreEvent } from "../../store/store-event.ts";
import type { AuthEvent } from "../../upstream/auth/auth-event.ts";
import type { UpstreamEvent } from "../../upstream/upstream-event.ts";

export type Level = "debug" | "info" | "warn" | "error";

export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

export type Line = { readonly level: Level; readonly message: string; readonly facts: Facts };

/** The one line of a request. */
export function requestLine(event: RegistryEvent): Line {
  const { client, door, registry, repository, method, what, status, bytes } = event;
  const error = isChallenge(event) ? undefined : event.error;
  const facts: Facts = {
    client,
    door,
    registry,
    repository,
    method,
    what,
    status,
    bytes,
    received: event.received > 0 ? event.received : undefined,
    cache: event.outcome,
    why: event.why?.reason,
    open: event.why?.open,
    said: event.why?.said,
    login: event.why?.login,
    ms: Math.round(event.milliseconds),
    end: event.end === "complete" ? undefined : event.end,
    code: error?.code,
    error: error?.message,
  };
  return { level: levelOf(event), message: "request", facts };
}

/** The 401 with which nearly every pull begins: it says where tokens are had, and nothing went wrong. */
function isChallenge({ route, status }: RegistryEvent): boolean {
  return route === "ping" && status === 401;
}

function levelOf({ status, end }: RegistryEvent): Level {
  if (status >= 500 || end === "cut") return "warn";
  return "info";
}

export function doorLine(event: DoorEvent): Line {
  const { kind, ...facts } = event;
  switch (kind) {
    case "refused":
      return { level: "warn", message: "refused", facts: plain(facts) };
    case "handshakeFailed":
      return { level: "warn", message: handshakeMessage(event.reason), facts: plain(facts) };
    case "tunnelOpened":
      return { level: "debug", message: "tunnel opened", facts: plain(facts) };
    case "tunnelClosed":
      return { level: "info", message: "tunnel", facts: plain(facts) };
    case "forwarded":
      return { level: "info", message: "forwarded", facts: plain(facts) };
    case "certificateTaken": {
      const until = new Date(event.until).toISOString();
      return { level: "info", message: "took up a certificate", facts: plain({ ...facts, until }) };
    }
    case "certificateFailed": {
      const retryAt = event.retryAt && new Date(event.retryAt).toISOString();
      return { level: "error", message: "no new certificate", facts: plain({ ...facts, retryAt }) };
    }
    case "foreignName":
      return {
        level: "warn",
        message: `not known as a name of the proxy, so it gives out public images alone there: if the name is yours, set PUBLIC_URL=https://${event.host} or add it to MIRROR_HOSTS`,
        facts: plain(facts),
      };
    case "flooded":
      return {
        level: "warn",
        message: "cut off a connection with too many requests waiting",
        facts: plain(facts),
      };
    case "turnedAway":
    case "idleEnded": {
      const { client, connections, most } = event;
      const done =
        kind === "turnedAway" ? "turned away connections" : "ended idle connections for new ones";
      const message =
        event.limit === "client"
          ? `${done}: MAX_CONNECTIONS_PER_CLIENT lets one address have ${most}`
          : `${done}: there may be ${most} in all, and few are left`;
      return { level: "warn", message, facts: plain({ client, connections }) };
    }
    case "handlerFailed":
      return { level: "error", message: "a handler failed", facts: plain(facts) };
  }
}

/** OpenSSL's codes for the alerts of clients that were shown a certificate they do not trust. */
const isDistrust = /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)$/;

function handshakeMessage(reason: string): string {
  const distrust = isDistrust.test(reason) ? ": the client does not trust the certificate" : "";
  return `TLS handshake failed${distrust}`;
}

export function storeLine(event: StoreEvent): Line {
  const { kind, ...facts } = event;
  switch (kind) {
    case "blobDropped":
      return { level: "warn", message: "dropped a blob of the wrong size", facts: plain(facts) };
    case "blobQuarantined":
      return {
        level: "error",
        message: "set a pushed blob with wrong bytes aside",
        facts: plain(facts),
      };
    case "syncFailed":
      return { level: "error", message: "the volume did not confirm a write", facts: plain(facts) };
    case "blobsPassedOver":
      return { level: "error", message: "cannot look at some kept blobs", facts: plain(facts) };
    case "roomMade":
      return { level: "warn", message: "made room on a full disk to start", facts: plain(facts) };
    case "markerFailed":
      return { level: "warn", message: "what is kept is hashed again later", facts: plain(facts) };
    case "archiveAsked":
      return { level: "debug", message: "asked the archive", facts: plain(facts) };
    case "archiveLost":
      return {
        level: "error",
        message: "the archive is away; pulls go on without it",
        facts: plain(facts),
      };
    case "archiveBack":
      return { level: "info", message: "the archive is back", facts: plain(facts) };
    case "blobArchived":
      return { level: "debug", message: "put a blob into the archive", facts: plain(facts) };
    case "archiveWrong":
      return {
        level: "error",
        message: "the archive has other bytes than those of the digest",
        facts: plain(facts),
      };
    case "recordsLost":
      return { level: "error", message: "the records are away", facts: plain(facts) };
    case "recordsBack":
      return { level: "info", message: "the records are back", facts: plain(facts) };
    case "recordUnreadable":
      return { level: "warn", message: "passed over a damaged record", facts: plain(facts) };
    case "recordsAsked":
      return { level: "debug", message: "asked the records", facts: plain(facts) };
  }
}

const authLines: Readonly<Record<AuthEvent["kind"], readonly [Level, string]>> = {
  credentialRefused: ["error", "a configured login was refused; pulls go on without it"],
  credentialAccepted: ["info", "a configured login works again"],
  loginUnused: [
    "warn",
    "a configured login is not used: the registry has its tokens from a host that it does not go to",
  ],
  credentialHelperFailed: ["error", "a credential helper failed"],
  tokenFetched: ["debug", "fetched a token"],
  tokenServiceFailed: ["warn", "a token service failed"],
};

export function authLine({ kind, ...facts }: AuthEvent): Line {
  const [level, message] = authLines[kind];
  return { level, message, facts: plain(facts) };
}

/** Bytes that came are for counting only. */
type TellableUpstream = Exclude<UpstreamEvent, { readonly kind: "received" }>;

const upstreamLines: Readonly<Record<TellableUpstream["kind"], readonly [Level, string]>> = {
  exchanged: ["debug", "asked upstream"],
  hostDown: ["warn", "a registry does not answer"],
  hostUp: ["info", "a registry answers again"],
  rateLimited: ["warn", "a registry limits our rate"],
  rateLimitRead: ["debug", "read a rate limit"],
};

export function upstreamLine({ kind, ...facts }: TellableUpstream): Line {
  const [level, message] = upstreamLines[kind];
  return { level, message, facts: plain(facts) };
}

const cacheLines: Readonly<Record<CacheEvent["kind"], readonly [Level, string]>> = {
  downloadStarted: ["debug", "a download began"],
  downloadResumed: ["warn", "the upstream broke off; the download goes on"],
  blobStored: ["debug", "kept a blob"],
  downloadSetAside: [
    "debug",
    "nobody reads parts of a blob any more; what came waits for who does",
  ],
  downloadFailed: ["warn", "a download failed"],
  blobCorrupted: ["error", "bytes are not those of their digest; dropped"],
  diskFailed: ["error", "the disk is full or broken; pulls go on without it"],
  writesPaused: ["error", "the disk failed again and again; nothing new is kept for now"],
  writesResumed: ["info", "the disk takes writes again"],
  blobTooLarge: ["warn", "a blob is too large to be kept; it is passed on"],
  recordsFailed: ["error", "the records cannot be read or written; pulls go on without them"],
  tagMoved: ["info", "a tag moved"],
  tagRevalidated: ["debug", "asked about a tag"],
  visibilityChanged: ["info", "who may have a repository changed"],
  budgetSeen: ["debug", "read what is left of the pulls allowed"],
  ttlStretched: [
    "warn",
    "what is left of the pulls a registry allows decides how long tags are believed",
  ],
  blobEvicted: ["debug", "made room by forgetting a blob"],
  evictionFinished: ["info", "made room"],
  scrubFinished: ["info", "read and hashed everything kept"],
};

export function cacheLine(event: CacheEvent): Line {
  const { kind, ...facts } = event;
  const [level, message] = cacheLines[kind];
  return { level: isFirstSight(event) ? "debug" : level, message, facts: plain(facts) };
}

/** Nobody had asked for a public repository before: true of every first pull. */
function isFirstSight(event: CacheEvent): boolean {
  return event.kind === "visibilityChanged" && event.from === "client" && event.to === "public";
}

/** The audit line of what somebody changed in the hosted registry. */
export function hostedLine(event: HostedEvent): Line {
  if (event.kind === "collected")
    return { level: "info", message: "garbage collected", facts: without(event) };
  if (event.kind === "pullsUnwritten") {
    return { level: "warn", message: "times of pulls cannot be written", facts: without(event) };
  }
  if (event.kind === "uploadsUnwritten") {
    const message = "uploads under way cannot be written down, and begin anew";
    return { level: "warn", message, facts: without(event) };
  }
  return { level: "info", message: event.kind, facts: without(event) };
}

function without({ kind: _, ...facts }: HostedEvent): Facts {
  return plain(facts);
}

/** Errors become their code and message; what is left out stays out. */
function plain(facts: Readonly<Record<string, unknown>>): Facts {
  const lines: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value instanceof Error) Object.assign(lines, errorFacts(value));
    else if (typeof value === "number" || typeof value === "boolean") lines[name] = value;
    else if (value !== undefined) lines[name] = String(value);
  }
  return lines;
}

function errorFacts(error: Error): Facts {
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return { code, error: error.message };
}
