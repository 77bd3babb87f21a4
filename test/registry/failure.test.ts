import { describe, expect, it } from "vitest";
import { DownloadError, type DownloadErrorCode } from "../../src/download/download-error.ts";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { RegistryError } from "../../src/protocol/registry-error.ts";
import { passRefusal, toRegistryError, withoutSecrets } from "../../src/registry/failure.ts";
import { StoreError, type StoreErrorCode } from "../../src/store/store-error.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../src/upstream/upstream-error.ts";
import { UpstreamRefusal } from "../../src/upstream/upstream-refusal.ts";

describe("an upstream that fails", () => {
  it.each<[UpstreamErrorCode, number, string]>([
    ["DNS", 502, "UNAVAILABLE"],
    ["CONNECT", 502, "UNAVAILABLE"],
    ["TLS", 502, "UNAVAILABLE"],
    ["RESET", 502, "UNAVAILABLE"],
    ["REDIRECT", 502, "UNAVAILABLE"],
    ["PROTOCOL", 502, "UNAVAILABLE"],
    ["TOO_LARGE", 502, "UNAVAILABLE"],
    ["TIMEOUT", 504, "UNAVAILABLE"],
    ["DOWN", 503, "UNAVAILABLE"],
    ["BUSY", 503, "UNAVAILABLE"],
    ["FORBIDDEN", 403, "DENIED"],
    ["ABORTED", 503, "UNAVAILABLE"],
  ])("with %s is %i %s, and its host is named", (code, status, registryCode) => {
    const cause = new UpstreamError(code, "registry.lan:5000", "registry.lan:5000 does not work");
    const error = toRegistryError(cause);
    expect(error).toMatchObject({ status, code: registryCode, cause });
    expect(error.message).toMatch(/^registry\.lan:5000 does not work/);
    expect(error.detail).toEqual({ reason: code, host: "registry.lan:5000" });
    const waits = new Map([
      ["DOWN", ["15"]],
      ["BUSY", ["5"]],
    ]);
    expect(error.headers.get("retry-after")).toEqual(waits.get(code));
  });
});

describe("a registry that speaks no TLS", () => {
  it("is not said to need an entry in UPSTREAM_CA", () => {
    const error = new UpstreamError("TLS", "reg.lan:5000", "reg.lan:5000 does not speak TLS");
    expect(toRegistryError(error).message).toBe("reg.lan:5000 does not speak TLS");
  });
});

describe("a cache or disk that fails", () => {
  it.each<[DownloadErrorCode, number]>([
    ["WRONG_DIGEST", 502],
    ["WRONG_LENGTH", 502],
    ["DISK", 503],
    ["ABANDONED", 503],
    ["ABORTED", 503],
  ])("with %s is %i", (code, status) => {
    expect(toRegistryError(new DownloadError(code, "no"))).toMatchObject({ status });
  });

  it.each<[StoreErrorCode, number]>([
    ["FULL", 507],
    ["IO", 503],
    ["PAUSED", 503],
    ["RECORDS", 503],
    ["LOCKED", 503],
    ["FORMAT", 503],
  ])("with %s is %i, without a path of this machine in its words", (code, status) => {
    const error = toRegistryError(new StoreError(code, "ENOSPC: /var/lib/entrepot/x"));
    expect(error.status).toBe(status);
    expect(error.message).not.toContain("/var");
  });
});

describe("any other failure", () => {
  it("is itself when it is a registry error, else a 500 that tells nothing", () => {
    const known = new RegistryError("NAME_UNKNOWN", "no");
    expect(toRegistryError(known)).toBe(known);
    for (const thrown of [
      new TypeError("CANARY-bug"),
      "CANARY-text",
      undefined,
      { name: "StoreError" },
    ]) {
      const error = toRegistryError(thrown);
      expect(error).toMatchObject({ status: 500, code: "UNKNOWN" });
      expect(error.message).not.toContain("CANARY");
    }
  });

  it("is passed on when it is a registry's refusal, else thrown again", async () => {
    const refusal = new UpstreamRefusal({
      status: 403,
      headers: headerList({ "content-length": "900000", "x-a": "b" }),
      body: Buffer.from("cut"),
    });
    const { response } = passRefusal(refusal);
    expect(response.status).toBe(403);
    expect(response.headers.get("content-length")).toEqual(["3"]);
    expect(Buffer.concat(await response.body.toArray()).toString()).toBe("cut");
    const other = new Error("other");
    expect(() => passRefusal(other)).toThrow(other);
  });
});

describe("a text for people", () => {
  it.each([
    [
      "GET https://cdn.example/x?X-Amz-Signature=CANARY failed",
      "GET https://cdn.example/x?... failed",
    ],
    ["https://user:CANARY@host/x", "https://host/x"],
    ["got 401 for Bearer CANARY.abc-_=", "got 401 for Bearer ..."],
    ["Authorization: Basic Q0FOQVJZ", "Authorization: Basic ..."],
    ["token ept1.CANARY.sig refused", "token ept1... refused"],
    ["plain: what? nothing", "plain: what? nothing"],
  ])("%s → %s", (text, clean) => {
    expect(withoutSecrets(text)).toBe(clean);
  });
});
