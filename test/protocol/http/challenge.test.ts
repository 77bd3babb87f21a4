import { describe, expect, it } from "vitest";
import {
  challengeOf,
  parseChallenges,
  printChallenge,
  withParameters,
} from "../../../src/protocol/http/challenge.ts";
import { timeSpent } from "../../support/longest-turn.ts";

function plain(line: string): unknown[] {
  return parseChallenges([line]).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

describe("parseChallenges", () => {
  it.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
      [["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io" }]],
    ],
    [
      'Bearer realm="https://gcr.io/v2/token",service=gcr.io',
      [["bearer", { realm: "https://gcr.io/v2/token", service: "gcr.io" }]],
    ],
    [
      'Bearer realm="https://nvcr.io/proxy_auth?scope=repository:nvidia/cuda:pull,push"',
      [["bearer", { realm: "https://nvcr.io/proxy_auth?scope=repository:nvidia/cuda:pull,push" }]],
    ],
    [
      'Basic realm="x", Bearer realm="https://quay.io/v2/auth",service="quay.io"',
      [
        ["basic", { realm: "x" }],
        ["bearer", { realm: "https://quay.io/v2/auth", service: "quay.io" }],
      ],
    ],
    [
      "BEARER Realm=https://a.example/t , Service = b",
      [["bearer", { realm: "https://a.example/t", service: "b" }]],
    ],
    ['Basic realm="say \\"hi\\", friend"', [["basic", { realm: 'say "hi", friend' }]]],
    [
      "Negotiate abc==, Basic",
      [
        ["negotiate", {}],
        ["basic", {}],
      ],
    ],
    ['Bearer realm="never closed', [["bearer", { realm: "never closed" }]]],
    ['Bearer realm="first",realm="second"', [["bearer", { realm: "first" }]]],
    ['realm="without a scheme"', []],
    [',,, "', []],
    ["", []],
  ])("reads %s", (line, expected) => {
    expect(plain(line)).toEqual(expected);
  });

  it("keeps the order of lines and reads no more than it should", () => {
    const many = Array.from({ length: 100 }, () => "Basic realm=a");
    expect(parseChallenges(many)).toHaveLength(16);
    expect(parseChallenges(["Basic realm=a", `Bearer realm="${"x".repeat(20_000)}"`])).toHaveLength(
      1,
    );
  });

  it("takes no longer for a hostile line", () => {
    const hostile = [`Bearer ${'realm="\\'.repeat(2_000)}`, `Basic ${"a=".repeat(8_000)}`];
    expect(timeSpent(() => parseChallenges(hostile))).toBeLessThan(1_000);
  });
});

describe("printChallenge", () => {
  it("prints what it reads, with parameters changed", () => {
    const challenge = challengeOf(parseChallenges(['Bearer realm="r",scope=a']), "bearer");
    if (challenge === undefined) throw new Error("not read");
    const changed = withParameters(challenge, { scope: undefined, error: "invalid_token" });
    expect(printChallenge(changed)).toBe('Bearer realm="r",error="invalid_token"');
  });

  it("lets no line break out of a value", () => {
    const challenge = {
      scheme: "bearer",
      parameters: new Map([["service", 'a"\r\nSet-Cookie: x']]),
    };
    expect(printChallenge(challenge)).toBe('Bearer service="a\\"Set-Cookie: x"');
  });
});
