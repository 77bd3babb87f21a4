import { describe, expect, it } from "vitest";
import { DnsChallenges } from "../../../../src/doors/tls/acme/dns-challenges.ts";

const proof = { domain: "a.example", token: "unused", answer: "hash" };

function make(settle: number) {
  const calls: string[] = [];
  const challenges = new DnsChallenges({
    provider: {
      set: async (name, value) => void calls.push(`set ${name} ${value}`),
      unset: async (name, value) => void calls.push(`unset ${name} ${value}`),
    },
    settle,
    sleep: async (milliseconds) => void calls.push(`sleep ${milliseconds}`),
  });
  return { challenges, calls };
}

describe("a dns-01 challenge", () => {
  it("is a record that has time to spread, and is taken away", async () => {
    const { challenges, calls } = make(10_000);
    await challenges.show(proof, AbortSignal.timeout(1_000));
    await challenges.hide(proof);
    expect(calls).toEqual([
      "set _acme-challenge.a.example hash",
      "sleep 10000",
      "unset _acme-challenge.a.example hash",
    ]);
  });

  it("waits for nothing where the zone has one server", async () => {
    const { challenges, calls } = make(0);
    await challenges.show(proof, AbortSignal.timeout(1_000));
    expect(calls).toHaveLength(1);
  });
});
