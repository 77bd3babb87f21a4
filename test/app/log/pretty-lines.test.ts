import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { prettyPrinter, printBytes } from "../../../src/app/log/pretty-lines.ts";

const time = "2026-01-02T03:04:05.678Z";
const request = {
  level: "info",
  time,
  client: "10.0.0.7",
  door: "proxy",
  registry: "docker.io",
  repository: "library/alpine",
  method: "GET",
  what: "3.20",
  status: 200,
  bytes: 3_276_800,
  cache: "hit",
  ms: 12,
  msg: "request",
};

beforeEach(() => void vi.stubEnv("TZ", "UTC"));
afterEach(() => void vi.unstubAllEnvs());

/** Without the day's heading. */
function printed(fields: object, options: Partial<Parameters<typeof prettyPrinter>[0]> = {}) {
  const print = prettyPrinter({ hasColours: false, secrets: ["CANARY-x"], ...options });
  print({ level: "info", time, msg: "first" });
  return print({ ...fields });
}

describe("a line for people", () => {
  it("tells a request at a glance, its image last", () => {
    expect(printed(request)).toBe(
      "03:04:05 hit          3.1 MiB   12 ms 10.0.0.7  docker.io/library/alpine:3.20",
    );
  });

  it("takes one line for a request, whatever decided it, in columns", () => {
    const decided = { why: "not kept", said: "given", login: "none", open: "public" };
    const lines = ["hit", "revalidated", "collapsed"].map((cache) =>
      printed({ ...request, ...decided, cache }),
    );
    expect(lines.join("\n").split("\n")).toHaveLength(3);
    expect(new Set(lines.map((line) => line.indexOf("10.0.0.7"))).size).toBe(1);
  });

  it.each([
    [{ what: `sha256:${"ab".repeat(32)}` }, "docker.io/library/alpine@sha256:abababababab"],
    [{ status: 206 }, "206 docker.io/library/alpine:3.20"],
    [{ method: "HEAD" }, "HEAD docker.io/library/alpine:3.20"],
    [{ status: 404, method: "HEAD" }, "404 HEAD docker.io/library/alpine:3.20"],
    [{ registry: "http://reg.lan:5000", repository: "a", what: "1" }, "reg.lan:5000/a:1"],
    [{ what: "tags" }, "docker.io/library/alpine tags"],
    [{ what: "token", repository: undefined }, "docker.io token"],
  ])("names what %j asks for", (changes, image) => {
    const line = printed({ ...request, ...changes });
    expect(line.slice(line.indexOf("10.0.0.7  ") + 10)).toBe(image);
  });

  it("cuts a long image in its middle on a narrow terminal, and nowhere else", () => {
    const long = {
      ...request,
      registry: "registry.corp.example:5000",
      repository: "platform/backend/services/authentication",
      what: "2026.11.27-rc.3",
    };
    const cut = printed(long, { columns: () => 80 });
    expect(cut).toHaveLength(80);
    expect(cut).toMatch(/ regist\S*…\S*2026\.11\.27-rc\.3$/);
    expect(printed(long)).toContain("registry.corp.example:5000/platform/backend");
    expect(printed(long, { columns: () => 120 })).toHaveLength(120);
  });

  it.each([
    ["a slow one", { ms: 75_300 }],
    ["a large one", { bytes: 1_023 * 2 ** 30, ms: 45 * 60_000 }],
    ["one from an IPv4 address in full", { client: "192.168.100.200" }],
    ["one that was revalidated", { cache: "revalidated" }],
    ["a refused one", { cache: undefined, status: 403, method: "HEAD" }],
  ])("fits 80 columns for %s", (_, changes) => {
    const line = printed({ ...request, ...changes }, { columns: () => 80 });
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line).toContain("3.20");
  });

  it("says below a request why it failed", () => {
    const { repository: _, cache: __, ...rest } = request;
    const failed = {
      ...rest,
      level: "warn",
      what: "ping",
      status: 502,
      code: "DNS",
      error: "no DNS",
    };
    expect(printed(failed)).toBe(
      [
        "03:04:05 failed       3.1 MiB   12 ms 10.0.0.7  502 docker.io ping",
        "         no DNS  code=DNS",
      ].join("\n"),
    );
  });

  it("calls the 401 with which every pull begins a challenge", () => {
    const ping = { ...request, cache: undefined, repository: undefined, what: "ping", status: 401 };
    expect(printed(ping)).toMatch(/^03:04:05 challenge .* 401 docker\.io ping$/);
  });

  it("has the date before the first line of a day, in this machine's time", () => {
    vi.stubEnv("TZ", "America/New_York");
    const print = prettyPrinter({ hasColours: false, secrets: [] });
    expect(print({ level: "info", time, msg: "ready" })).toBe("── 2026-01-01 ──\n22:04:05 ready");
    expect(print({ level: "info", time, msg: "still" })).toBe("22:04:05 still");
    expect(print({ level: "info", time: "2026-01-02T05:00:00.000Z", msg: "new" })).toBe(
      "── 2026-01-02 ──\n00:00:00 new",
    );
  });

  it("tells anything else in words, then facts, without secrets", () => {
    const line = {
      level: "error",
      time,
      msg: "the disk\u001b[2J is full",
      code: "ENOSPC CANARY-x",
    };
    expect(printed(line)).toBe('03:04:05 error: the disk\\u001b[2J is full  code="ENOSPC ***"');
  });

  it("shows hits, misses, stale answers, refusals and failures in colours of their own", () => {
    const colourOf = (changes: object): string | undefined => {
      const line = printed({ ...request, ...changes }, { hasColours: true });
      return line.split("\u001b[")[1]?.split("m")[0];
    };
    const all = [
      colourOf({}),
      colourOf({ cache: "miss" }),
      colourOf({ cache: "stale" }),
      colourOf({ cache: undefined, status: 403 }),
      colourOf({ cache: undefined, status: 502 }),
    ];
    expect(new Set(all).size).toBe(5);
    expect(all).not.toContain(undefined);
  });

  it("has a colour on a terminal, if it is not everyday", () => {
    const colours = { hasColours: true };
    expect(printed({ level: "warn", time, msg: "mind" }, colours)).toBe(
      "\u001b[33m03:04:05 warn: mind\u001b[0m",
    );
    expect(printed({ level: "info", time, msg: "fine" }, colours)).not.toContain("\u001b");
  });

  it("leaves out facts that there are not", () => {
    expect(printed({ level: "info", time, msg: "ready", host: undefined })).toBe("03:04:05 ready");
  });

  it.each([
    [0, "0 B"],
    [1_023, "1023 B"],
    [1_536, "1.5 KiB"],
    [200 * 2 ** 20, "200 MiB"],
    [3 * 2 ** 50, "3072 TiB"],
  ])("prints %i bytes as %s", (bytes, text) => {
    expect(printBytes(bytes)).toBe(text);
  });
});
