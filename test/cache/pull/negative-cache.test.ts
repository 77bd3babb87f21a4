import { describe, expect, it } from "vitest";
import { NegativeCache } from "../../../src/cache/pull/negative-cache.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";

const answer = (status: number) => ({ status, headers: new Map(), body: Buffer.from("{}") });

describe("a 404", () => {
  it("is shared for two seconds by those who asked the same", () => {
    let now = 0;
    const negative = new NegativeCache({ now: () => now });
    negative.remember("docker.io/a", "1\nset\nanonymous", answer(404));
    expect(negative.recall("docker.io/a", "1\nset\nanonymous")?.status).toBe(404);
    expect(negative.recall("docker.io/a", "1\nother set\nanonymous")).toBeUndefined();
    expect(negative.recall("docker.io/a", "1\nset\nshared")).toBeUndefined();
    now = 2_000;
    expect(negative.recall("docker.io/a", "1\nset\nanonymous")).toBeUndefined();
  });

  it("is forgotten when something is pushed to its repository, and no other answer is kept", () => {
    const negative = new NegativeCache({ now: () => 0 });
    for (const ref of ["docker.io/a", "docker.io/ab"]) negative.remember(ref, "x", answer(404));
    negative.remember("docker.io/a", "y", answer(405));
    negative.forget("docker.io/a");
    expect(negative.recall("docker.io/a", "x")).toBeUndefined();
    expect(negative.recall("docker.io/a", "y")).toBeUndefined();
    expect(negative.recall("docker.io/ab", "x")?.status).toBe(404);
  });
});

describe("a flood of 404s", () => {
  const missing = (size: number, fields: Readonly<Record<string, string>> = {}) => ({
    status: 404,
    headers: headerList(fields),
    body: Buffer.alloc(size),
  });

  it("whose bodies are long is passed on, and not remembered", () => {
    const negative = new NegativeCache({ now: () => 0 });
    negative.remember("docker.io/a", "long", missing(4 * 1024 + 1));
    negative.remember("docker.io/a", "short", missing(4 * 1024));
    expect(negative.recall("docker.io/a", "long")).toBeUndefined();
    expect(negative.recall("docker.io/a", "short")).toBeDefined();
  });

  it("is remembered by its bytes, header fields and all", () => {
    const negative = new NegativeCache({ now: () => 0, bytes: 100_000 });
    for (let count = 0; count < 100; count += 1)
      negative.remember("docker.io/a", `${count}`, missing(100, { x: "y".repeat(10_000) }));
    const known = Array.from({ length: 100 }, (_, count) =>
      negative.recall("docker.io/a", `${count}`),
    );
    expect(known.filter((one) => one !== undefined)).toHaveLength(4);
  });
});
