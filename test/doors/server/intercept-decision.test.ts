import { describe, expect, it } from "vitest";
import {
  InterceptDecision,
  type InterceptDecisionOptions,
  type PeerProbe,
} from "../../../src/doors/server/intercept-decision.ts";
import { OwnNames } from "../../../src/doors/server/own-names.ts";
import { hostMatcher } from "../../../src/protocol/host-pattern.ts";
import { formatHostPort, parseHostPort } from "../../../src/protocol/http/host-port.ts";
import type { PeerTls } from "../../../src/upstream/net/probe.ts";

const engine = "Go-http-client/1.1";
type Settings = Partial<InterceptDecisionOptions> & { readonly peer?: Partial<PeerProbe> };

describe("a container engine's CONNECT", () => {
  it.each([
    ["registry-1.docker.io:443", "docker.io"],
    ["auth.docker.io:443", "auth.docker.io"],
    ["ghcr.io:443", "ghcr.io"],
    ["eu.gcr.io:443", "eu.gcr.io"],
    ["europe-docker.pkg.dev:443", "europe-docker.pkg.dev"],
    ["1.dkr.ecr.eu-west-1.amazonaws.com:443", "1.dkr.ecr.eu-west-1.amazonaws.com"],
    ["corp.example:443", "corp.example"],
    ["lab.example:5000", "lab.example:5000"],
    ["a.b.wild.example:443", "a.b.wild.example"],
  ])("%s is a registry", async (address, name) => {
    expect(await verdict(address)).toEqual({
      kind: "registry",
      registry: { name, scheme: "https" },
    });
  });

  it.each(["pypi.example:443", "lab.example:443", "wild.example:443", "gitlab.com:443"])(
    "%s is none",
    async (address) => expect(await verdict(address)).toEqual({ kind: "through" }),
  );

  it("to a host that answers as a registry is one", async () => {
    const peer = { isRegistry: async () => true };
    expect((await verdict("unknown.example:443", { peer })).kind).toBe("registry");
  });

  it("to a token host that is a site as well needs a credential for it", async () => {
    const hasCredential = () => true;
    expect((await verdict("gitlab.com:443", { hasCredential })).kind).toBe("registry");
    expect((await verdict("gitlab.com:443", { hasCredential }, "curl/8")).kind).toBe("through");
  });
});

describe("nobody is probed", () => {
  it.each([
    ["for git and curl and browsers", "git/2.40", "unknown.example:443", {}],
    ["without a User-Agent", "", "unknown.example:443", {}],
    ["on other ports", engine, "unknown.example:8443", {}],
    ["with INTERCEPT=named", engine, "unknown.example:443", { mode: "named" as const }],
    [
      "in INTERCEPT_EXCEPT",
      engine,
      "unknown.example:443",
      { isExcepted: hostMatcher(["unknown.example"]) },
    ],
  ])("%s", async (_why, userAgent, address, settings) => {
    const asked: string[] = [];
    const isRegistry = async (its: Parameters<PeerProbe["isRegistry"]>[0]) => {
      asked.push(formatHostPort(its));
      return true;
    };
    const answer = await verdict(address, { ...settings, peer: { isRegistry } }, userAgent);
    expect(answer).toEqual({ kind: "through" });
    expect(asked).toEqual([]);
  });
});

it("INTERCEPT_EXCEPT wins over everything", async () => {
  const isExcepted = hostMatcher(["corp.example", "*.io"]);
  expect((await verdict("corp.example:443", { isExcepted })).kind).toBe("through");
  expect((await verdict("ghcr.io:443", { isExcepted })).kind).toBe("through");
});

describe("the peer's TLS", () => {
  const isRegistry = async () => true;

  it.each([
    ["plain", "corp.example:443", "through"],
    ["plain", "unknown.example:443", "through"],
    ["closed", "corp.example:443", "through"],
    ["unreachable", "http.example:5000", "through"],
    ["unreachable", "corp.example:443", "registry"],
    ["unreachable", "unknown.example:443", "registry"],
    ["untrusted", "unknown.example:443", "through"],
    ["untrusted", "corp.example:443", "refused"],
  ] as const)("%s at %s: %s", async (state, address, kind) => {
    const peer = { isRegistry, peerSpeaksTls: async () => state };
    expect((await verdict(address, { peer })).kind).toBe(kind);
  });

  it("untrusted is 502 and says why", async () => {
    const peer: Partial<PeerProbe> = {
      peerSpeaksTls: async () => "untrusted",
      tlsTrouble: () => "corp.example: its certificate has expired",
    };
    expect(await verdict("corp.example:443", { peer })).toEqual({
      kind: "refused",
      refusal: { status: 502, sentence: "corp.example: its certificate has expired" },
    });
  });
});

describe("TUNNEL=deny", () => {
  it("refuses what is no registry, and names the setting", async () => {
    const long = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.example:443`;
    for (const address of ["pypi.example:443", long]) {
      const answer = await verdict(address, { tunnel: "deny" });
      expect(answer).toMatchObject({ kind: "refused", refusal: { status: 403 } });
      const sentence = answer.kind === "refused" ? answer.refusal.sentence : "";
      expect(sentence).toMatch(/TUNNEL.*REGISTRIES/);
      expect(sentence.length).toBeLessThanOrEqual(160);
    }
  });

  it("still lets registries through", async () => {
    expect((await verdict("ghcr.io:443", { tunnel: "deny" })).kind).toBe("registry");
  });
});

describe("our own names", () => {
  it.each(["cache.local:443", "10.1.2.3:3128"])("%s is answered here", async (address) => {
    expect(await verdict(address)).toEqual({ kind: "own" });
    expect(await plain(address)).toEqual({ kind: "own" });
  });

  it("but never the back office", async () => {
    const refused = { kind: "refused", refusal: { status: 403 } };
    expect(await verdict("cache.local:3129")).toMatchObject(refused);
    expect(await plain("127.0.0.1:3129")).toMatchObject(refused);
  });
});

describe("plain HTTP", () => {
  const speaking = (state: PeerTls) => ({ peerSpeaksTls: async () => state });

  it.each([
    ["http.example:5000", "/v2/", "registry"],
    ["http.example:5000", "/login", "registry"],
    ["lab.example:5000", "/v2/", "refused"],
    ["lab.example:5000", "/token", "refused"],
    ["corp.example:80", "/v2/", "refused"],
    ["corp.example:80", "/v2", "refused"],
    ["corp.example:80", "/login", "through"],
    ["ghcr.io:80", "/v2/", "through"],
    ["deb.example:80", "/v2/", "through"],
  ])("of %s%s: %s", async (address, path, kind) => {
    expect((await plain(address, {}, path)).kind).toBe(kind);
  });

  it.each([
    ["plain", true, "registry"],
    ["plain", false, "through"],
    ["closed", true, "through"],
    ["unreachable", true, "through"],
    ["untrusted", true, "through"],
    ["trusted", true, "through"],
  ] as const)(
    "where nobody named it and TLS is %s (a registry: %s): %s",
    async (state, is, kind) => {
      const peer = { ...speaking(state), isRegistry: async () => is };
      expect((await plain("deb.example:80", { peer })).kind).toBe(kind);
      expect((await plain("deb.example:80", { peer }, "/debian")).kind).toBe("through");
      expect((await plain("deb.example:80", { peer, mode: "named" })).kind).toBe("through");
    },
  );

  it.each([
    [
      "plain",
      "lab.example:5000",
      "lab.example:5000 speaks no TLS; write http://lab.example:5000 in REGISTRIES",
    ],
    [
      "plain",
      "corp.example:80",
      "corp.example speaks no TLS; write http://corp.example in REGISTRIES",
    ],
    ["trusted", "lab.example:5000", "over TLS alone"],
    ["closed", "lab.example:5000", "over TLS alone"],
  ] as const)(
    "%s at a registry named without http://, %s, is 403 and says what to write",
    async (...its) => {
      const [state, address, sentence] = its;
      const answer = await plain(address, { peer: speaking(state) });
      expect(answer).toMatchObject({ kind: "refused", refusal: { status: 403 } });
      expect(answer.kind === "refused" ? answer.refusal.sentence : "").toContain(sentence);
    },
  );

  it("is part of the registry's name", async () => {
    expect(await plain("http.example:5000")).toEqual({
      kind: "registry",
      registry: { name: "http://http.example:5000", scheme: "http" },
    });
  });
});

function decision({ peer, ...settings }: Settings): InterceptDecision {
  return new InterceptDecision({
    mode: "auto",
    isNamed: hostMatcher([
      "corp.example",
      "lab.example:5000",
      "*.wild.example",
      "http.example:5000",
    ]),
    isPlain: hostMatcher(["http.example:5000"]),
    isExcepted: () => false,
    tunnel: "allow",
    own: new OwnNames({
      hosts: ["cache.local"],
      addresses: () => ["10.1.2.3"],
      ports: new Set([3128]),
      backOfficePort: 3129,
    }),
    hasCredential: () => false,
    probe: {
      isRegistry: async () => false,
      peerSpeaksTls: async () => "trusted",
      tlsTrouble: () => undefined,
      ...peer,
    },
    ...settings,
  });
}

function verdict(address: string, settings: Settings = {}, userAgent: string | undefined = engine) {
  return decision(settings).connect(at(address), userAgent);
}

function plain(address: string, settings: Settings = {}, path = "/v2/") {
  return decision(settings).plain(at(address), path);
}

function at(text: string) {
  const address = parseHostPort(text);
  if (address === undefined) throw new TypeError(text);
  return address;
}
