import { describe, expect, it } from "vitest";
import {
  authLine,
  cacheLine,
  doorLine,
  requestLine,
  storeLine,
  upstreamLine,
} from "../../../src/app/log/event-lines.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import type { RepositoryName } from "../../../src/protocol/reference.ts";
import type { RegistryName } from "../../../src/protocol/registry-name.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { StoreError } from "../../../src/store/store-error.ts";

const digest = digestOf(Buffer.from("a"));
const docker = "docker.io" as RegistryName;

const request: RegistryEvent = {
  kind: "requestAnswered",
  client: "10.0.0.7",
  door: "proxy",
  registry: docker,
  repository: "library/alpine",
  route: "blob",
  what: digest,
  method: "GET",
  status: 200,
  bytes: 5,
  received: 0,
  outcome: "hit",
  why: { reason: "kept", open: "public" },
  source: "disk",
  digest: undefined,
  mediaType: undefined,
  firstByte: 1,
  milliseconds: 1.6,
  end: "complete",
  error: undefined,
};

describe("the line of an event", () => {
  it("has who, by which door, what, and how it went", () => {
    expect(requestLine(request)).toEqual({
      level: "info",
      message: "request",
      facts: {
        client: "10.0.0.7",
        door: "proxy",
        registry: "docker.io",
        repository: "library/alpine",
        method: "GET",
        what: digest,
        status: 200,
        bytes: 5,
        received: undefined,
        cache: "hit",
        ...{ why: "kept", open: "public", said: undefined, login: undefined },
        ms: 2,
        end: undefined,
        code: undefined,
        error: undefined,
      },
    });
  });

  it("of a ping answered with the challenge names no error: every pull begins with it", () => {
    const error = { code: "UNAUTHORIZED", host: undefined, message: "authentication required" };
    const ping = { ...request, route: "ping", what: "ping", status: 401, error } as const;
    expect(requestLine(ping).facts).toMatchObject({ code: undefined, error: undefined });
    expect(requestLine({ ...request, status: 401, error }).facts.code).toBe("UNAUTHORIZED");
  });

  it.each([
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
    "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN",
  ])("of a handshake that ended with %s says that the CA is missing on the client", (reason) => {
    const event = { kind: "handshakeFailed", client: "10.0.0.7", host: "quay.io", reason } as const;
    const message = "TLS handshake failed: the client does not trust the certificate";
    expect(doorLine(event).message).toBe(message);
    expect(doorLine({ ...event, reason: "ECONNRESET" }).message).toBe("TLS handshake failed");
  });

  it("of a request that failed or was cut is a warning with the reason", () => {
    const error = { code: "DNS", host: "quay.io", message: "quay.io does not resolve" };
    expect(requestLine({ ...request, status: 502, error })).toMatchObject({
      level: "warn",
      facts: { code: "DNS", error: "quay.io does not resolve" },
    });
    expect(requestLine({ ...request, end: "cut" })).toMatchObject({
      level: "warn",
      facts: { end: "cut" },
    });
    expect(requestLine({ ...request, status: 499, end: "left", received: 7 })).toMatchObject({
      level: "info",
      facts: { end: "left", received: 7 },
    });
  });

  it("of an error has its code and its words", () => {
    const error = Object.assign(new Error("no room"), { code: "FULL" });
    expect(cacheLine({ kind: "diskFailed", error })).toEqual({
      level: "error",
      message: expect.any(String),
      facts: { code: "FULL", error: "no room" },
    });
    expect(cacheLine({ kind: "recordsFailed", error: "odd" }).facts).toEqual({ error: "odd" });
    const cause = new TypeError("oops");
    expect(doorLine({ kind: "handlerFailed", client: "::1", cause })).toMatchObject({
      level: "error",
      facts: { client: "::1", code: "TypeError", error: "oops" },
    });
  });

  it("tells of a repository found public at debug, of any other change of who may have it", () => {
    const repository = "a/b" as RepositoryName;
    const event = { kind: "visibilityChanged", registry: docker, repository } as const;
    expect(cacheLine({ ...event, from: "client", to: "public" }).level).toBe("debug");
    expect(cacheLine({ ...event, from: "client", to: "shared" }).level).toBe("info");
    expect(cacheLine({ ...event, from: "public", to: "client" }).level).toBe("info");
  });

  it("is as loud as the event is rare", () => {
    const error = new Error("EIO");
    const client = "::1";
    const host = "a.lan";
    const levels = [
      doorLine({ kind: "refused", client, asked: host, status: 403, reason: "no" }),
      doorLine({ kind: "handshakeFailed", client, host, reason: "no" }),
      doorLine({ kind: "tunnelOpened", client, host }),
      doorLine({ kind: "tunnelClosed", client, host, sent: 1, received: 2 }),
      doorLine({ kind: "forwarded", client, host, method: "GET", status: 200 }),
      storeLine({ kind: "blobDropped", digest, size: 1 }),
      storeLine({ kind: "blobQuarantined", digest, path: "/q" }),
      storeLine({ kind: "syncFailed", digest, error }),
      storeLine({ kind: "blobsPassedOver", count: 2, error: new StoreError("IO", "EIO") }),
      storeLine({ kind: "roomMade", blobs: 1, bytes: 2 }),
      storeLine({ kind: "markerFailed", error }),
      storeLine({ kind: "recordsLost", error: new StoreError("RECORDS", "gone"), retryIn: 1_000 }),
      storeLine({ kind: "recordsBack", milliseconds: 1_000 }),
      authLine({ kind: "credentialRefused", host, credential: "1" }),
      authLine({ kind: "tokenFetched", host, isShared: true }),
      upstreamLine({ kind: "hostDown", host, code: "CONNECT" }),
      upstreamLine({ kind: "hostUp", host }),
      cacheLine({ kind: "blobEvicted", digest, size: 1, usedAt: 0 }),
      cacheLine({ kind: "blobCorrupted", digest, foundBy: "scrub" }),
    ].map((line) => line.level);
    expect(levels.join(" ")).toBe(
      "warn warn debug info info warn error error error warn warn error info error debug warn info debug error",
    );
  });
});
