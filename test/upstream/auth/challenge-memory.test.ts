import { describe, expect, it } from "vitest";
import {
  ChallengeMemory,
  type SavedChallenge,
} from "../../../src/upstream/auth/challenge-memory.ts";
import { challengedScopes } from "../../../src/upstream/auth/registry-challenge.ts";
import { hub, hubChallenge, registry } from "./loopback.ts";

function memoryAt(time: { now: number }, save?: (saved: SavedChallenge) => void): ChallengeMemory {
  return new ChallengeMemory({ now: () => time.now, ...(save === undefined ? {} : { save }) });
}

describe("the memory of challenges", () => {
  it("knows nothing of a registry it has not met", () => {
    expect(memoryAt({ now: 0 }).recall(hub)).toBeUndefined();
  });

  it("gives back what a ping is answered with, without what belongs to one request", () => {
    const memory = memoryAt({ now: 5 });
    memory.remember(hub, [
      `${hubChallenge},scope="repository:secret/name:pull",error="invalid_token",error_description="x"`,
    ]);
    const recalled = memory.recall(registry("index.docker.io"));
    expect(recalled?.lines).toEqual([hubChallenge]);
    expect(recalled).toMatchObject({ hasBasic: false, learnedAt: 5 });
    expect(recalled?.bearer).toMatchObject({
      key: "https://auth.docker.io/token",
      service: "registry.docker.io",
    });
  });

  it("keeps a scope that is a word, as Public ECR has it", () => {
    const memory = memoryAt({ now: 0 });
    const line =
      'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"';
    const remembered = memory.remember(registry("public.ecr.aws"), [line]);
    expect(remembered.lines).toEqual([line]);
    expect(remembered.bearer?.scopes).toEqual(["aws"]);
  });

  it("takes the repository out of nvcr.io's realm", () => {
    const line = 'Bearer realm="https://nvcr.io/proxy_auth?scope=repository:a/b:pull,push"';
    const remembered = memoryAt({ now: 0 }).remember(registry("nvcr.io"), [line]);
    expect(remembered.lines).toEqual(['Bearer realm="https://nvcr.io/proxy_auth"']);
    expect(remembered.bearer).toMatchObject({ key: "https://nvcr.io/proxy_auth", service: "" });
    expect(challengedScopes([line])).toEqual(["repository:a/b:pull,push"]);
  });

  it("keeps several challenges, and two schemes of one line", () => {
    const remembered = memoryAt({ now: 0 }).remember(registry("quay.io"), [
      'Basic realm="quay", Bearer realm="https://quay.io/v2/auth",service="quay.io"',
      "Negotiate",
    ]);
    expect(remembered.lines).toHaveLength(3);
    expect(remembered.hasBasic).toBe(true);
    expect(remembered.bearer?.key).toBe("https://quay.io/v2/auth");
  });

  it("is fresh for ten minutes", () => {
    const time = { now: 0 };
    const memory = memoryAt(time);
    const remembered = memory.remember(hub, [hubChallenge]);
    time.now = 600_000;
    expect(memory.isFresh(remembered)).toBe(true);
    time.now += 1;
    expect(memory.isFresh(remembered)).toBe(false);
  });

  it("finds registries by their realm, however they write it, but none that may not be asked", () => {
    const memory = memoryAt({ now: 0 });
    memory.remember(hub, [hubChallenge]);
    memory.remember(registry("open.example"), []);
    memory.remember(registry("evil.example"), ['Bearer realm="http://auth.docker.io/token"']);
    memory.remember(registry("number.example"), ['Bearer realm="https://10.0.0.1/token"']);
    memory.remember(registry("user.example"), ['Bearer realm="https://x@auth.docker.io/token"']);
    const found = memory.registriesOfRealm("https://auth.docker.io/token");
    expect(found.map((one) => one.registry.name)).toEqual(["docker.io", "evil.example"]);
    expect(memory.registriesOfRealm("https://10.0.0.1/token")).toEqual([]);
    expect(memory.registriesOfRealm("https://auth.docker.io/token/")).toEqual([]);
  });

  it("does not take what was learned over http for https", () => {
    const memory = memoryAt({ now: 0 });
    memory.remember(registry("reg.lan:5000", "http"), ["Basic realm=x"]);
    expect(memory.recall({ ...registry("reg.lan:5000"), scheme: "https" })).toBeUndefined();
  });

  it("keeps what a repository wants for that repository, and for no other", () => {
    const time = { now: 0 };
    const memory = memoryAt(time);
    memory.rememberIn(hub, "private/app", [hubChallenge]);
    expect(memory.recall(hub)).toBeUndefined();
    expect(memory.expect(hub, "other/app")).toBeUndefined();
    memory.remember(hub, []);
    expect(memory.recall(hub)?.lines).toEqual([]);
    expect(memory.expect(hub, "other/app")?.lines).toEqual([]);
    expect(memory.expect(hub, "private/app")?.lines).toEqual([hubChallenge]);
    expect(memory.registriesOfRealm("https://auth.docker.io/token")).toHaveLength(1);
    // Once its registry wants the same of everybody, it is nothing of its own.
    memory.remember(hub, [hubChallenge]);
    memory.rememberIn(hub, "private/app", [hubChallenge]);
    memory.remember(hub, []);
    expect(memory.expect(hub, "private/app")?.lines).toEqual([]);
  });

  it("comes back after a restart", () => {
    const saved: SavedChallenge[] = [];
    const time = { now: 1_000 };
    const first = memoryAt(time, (one) => saved.push(one));
    first.remember(hub, [hubChallenge]);
    first.remember(hub, [hubChallenge]);
    expect(saved).toHaveLength(1);
    time.now += 700_000;
    first.remember(hub, [hubChallenge]);
    expect(saved).toHaveLength(2);

    const second = memoryAt(time);
    const broken = { registry: "no host!", scheme: "https", lines: [], learnedAt: 0 } as const;
    const future = { registry: "ghcr.io", scheme: "https", lines: [], learnedAt: 9e15 } as const;
    second.load([broken, future, ...saved]);
    expect(second.recall(hub)?.lines).toEqual([hubChallenge]);
    expect(second.recall(registry("ghcr.io"))?.learnedAt).toBe(time.now);
  });

  it("forgets the oldest of so many that nobody has them", () => {
    const memory = memoryAt({ now: 0 });
    for (let index = 0; index <= 5_000; index += 1)
      memory.remember(registry(`r${index}.example`), []);
    expect(memory.recall(registry("r0.example"))).toBeUndefined();
    expect(memory.recall(registry("r1.example"))).toBeDefined();
  });

  it("outlives a stranger who makes up registries below a domain of his, in memory and in the records", () => {
    const saved: SavedChallenge[] = [];
    const memory = memoryAt({ now: 0 }, (one) => saved.push(one));
    memory.remember(hub, [hubChallenge]);
    const long = `Bearer realm="https://auth.evil.example/${"x".repeat(4_000)}"`;
    for (let index = 0; index < 20_000; index += 1)
      memory.remember(registry(`r${index}.evil.example`), [long]);
    expect(memory.recall(hub)?.lines).toEqual([hubChallenge]);
    expect(memory.recall(registry("r19999.evil.example"))).toBeDefined();
    expect(saved.length).toBeLessThan(1_000);
    // Nor does asking again make them worth keeping.
    for (let index = 0; index < 2_000; index += 1)
      memory.remember(registry(`r${19_999 - index}.evil.example`), [
        `Bearer realm="https://x/${index}"`,
      ]);
    expect(saved.length).toBeLessThan(1_000);
  });

  it("does not remember a challenge of kilobytes, and still answers with it", () => {
    const memory = memoryAt({ now: 0 });
    const line = `Basic realm="${"x".repeat(9_000)}"`;
    expect(memory.remember(hub, [line]).lines).toEqual([line]);
    expect(memory.recall(hub)).toBeUndefined();
  });
});
