import { describe, expect, it } from "vitest";
import { Decision } from "../../src/cache/why.ts";
import { parseRoute } from "../../src/protocol/route.ts";
import type { Exchange, Tally } from "../../src/registry/exchange.ts";
import { requestAnswered } from "../../src/registry/registry-event.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { askFor } from "./rig.ts";

function eventOf(path: string, changes: Partial<Tally> = {}) {
  const tally: Tally = {
    status: 200,
    isToken: false,
    isShared: false,
    sent: 5,
    received: 0,
    outcome: "hit",
    decision: new Decision(),
    source: "disk",
    digest: undefined,
    mediaType: undefined,
    begunAt: undefined,
    end: "complete",
    error: undefined,
    loginUntil: undefined,
    given: undefined,
    ...changes,
  };
  const route = parseRoute("GET", path);
  return requestAnswered({ ask: askFor(path), method: "GET", route, tally } as Exchange, {
    started: 100,
    ended: 112,
  });
}

describe("the event of a request", () => {
  it("says when its body began, or ended where there was none", () => {
    const { milliseconds, firstByte } = eventOf("/v2/a/manifests/1", { begunAt: 103 });
    expect({ milliseconds, firstByte }).toEqual({ milliseconds: 12, firstByte: 3 });
    expect(eventOf("/v2/a/manifests/1").firstByte).toBe(12);
  });

  it.each([
    ["/v2/a/b/manifests/3.20", "a/b", "3.20"],
    [`/v2/a/blobs/sha256:${"0".repeat(64)}`, "a", `sha256:${"0".repeat(64)}`],
    ["/v2/a/tags/list", "a", "tags"],
    ["/v2/", undefined, "ping"],
    ["/token?x=CANARY", undefined, "outside"],
  ])("%s names %s and %s", (path, repository, what) => {
    expect(eventOf(path.split("?")[0] ?? "")).toMatchObject({
      kind: "requestAnswered",
      client: "192.0.2.7",
      door: "proxy",
      registry: "registry.example",
      repository,
      what,
      method: "GET",
      status: 200,
      bytes: 5,
      milliseconds: 12,
    });
  });

  it.each(["/token", "/v2/auth"])("calls a request for a token at %s by that name", (path) => {
    expect(eventOf(path, { isToken: true }).what).toBe("token");
  });

  it("says what went wrong, and with whom, without secrets", () => {
    const error = new UpstreamError("TLS", "a.example", "https://a.example/?sig=CANARY failed");
    expect(eventOf("/v2/", { status: 502, error }).error).toEqual({
      code: "TLS",
      host: "a.example",
      message: "https://a.example/?... failed",
    });
    expect(eventOf("/v2/", { error: new TypeError("bug") }).error).toMatchObject({
      code: "TypeError",
    });
  });

  it("of a client that left is no error", () => {
    const left = eventOf("/v2/", { status: 0, end: "left", error: new Error("gone") });
    expect(left).toMatchObject({ status: 499, end: "left", error: undefined });
  });
});
