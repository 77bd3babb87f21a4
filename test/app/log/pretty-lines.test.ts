import { describe, expect, it } from "vitest";
import { prettyPrinter, printBytes } from "../../../src/app/log/pretty-lines.ts";

const print = prettyPrinter({ hasColours: false, secrets: ["CANARY-x"] });
const time = "2026-01-02T03:04:05.678Z";
const request = {
  level: "info",
  time,
  client: "10.0.0.7",
  door: "proxy",
  registry: "docker.io",
  repository: "library/alpine",
  method: "GET",
  what: `sha256:${"ab".repeat(32)}`,
  status: 200,
  bytes: 3_276_800,
  cache: "hit",
  ms: 12,
  msg: "request",
};

describe("a line for people", () => {
  it("tells a request at a glance", () => {
    expect(print(request)).toBe(
      "03:04:05.678 200 GET docker.io/library/alpine sha256:abababababab  hit  3.1 MiB  12 ms  10.0.0.7 by proxy",
    );
  });

  it("leaves out what a request has not, and adds what went wrong", () => {
    const { repository: _, cache: __, ...rest } = request;
    const failed = {
      ...rest,
      level: "warn",
      what: "ping",
      status: 502,
      bytes: 40,
      error: "no DNS",
    };
    expect(print(failed)).toBe(
      '03:04:05.678 warn: 502 GET docker.io ping  40 B  12 ms  10.0.0.7 by proxy  error="no DNS"',
    );
  });

  it("tells anything else in words, then facts, without secrets", () => {
    const line = {
      level: "error",
      time,
      msg: "the disk\u001b[2J is full",
      code: "ENOSPC CANARY-x",
    };
    expect(print(line)).toBe('03:04:05.678 error: the disk\\u001b[2J is full  code="ENOSPC ***"');
  });

  it("has a colour on a terminal, if it is not everyday", () => {
    const coloured = prettyPrinter({ hasColours: true, secrets: [] });
    expect(coloured({ level: "warn", time, msg: "mind" })).toBe(
      "\u001b[33m03:04:05.678 warn: mind\u001b[0m",
    );
    expect(coloured({ level: "info", time, msg: "fine" })).not.toContain("\u001b");
  });

  it("leaves out facts that there are not", () => {
    expect(print({ level: "info", time, msg: "ready", host: undefined })).toBe(
      "03:04:05.678 ready",
    );
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
