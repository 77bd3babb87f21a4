import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { Application } from "../../../src/app/application.ts";
import { serve } from "../../../src/app/commands/serve.ts";
import { createLog } from "../../../src/app/log.ts";

function parts(app: Application) {
  const lines: string[] = [];
  const said: string[] = [];
  const signals = new EventEmitter();
  const write = (line: string) => void lines.push(line);
  const log = createLog({ level: "info", format: "json", hasColours: false, secrets: [], write });
  const say = (text: string) => {
    said.push(text);
    signals.emit("SIGTERM");
  };
  const exitNow = () => undefined;
  const loadAgain = () => Promise.reject(new Error("not asked for"));
  const compose = async () => app;
  const warnings = ["mind the step"];
  const given = { log, warnings, compose, signals, say, exitNow, loadAgain, watched: [] };
  return { lines, said, given };
}

describe("entrepot serve", () => {
  it("tells people by the banner and machines by the log, then serves until stopped", async () => {
    const app: Application = {
      start: async () => ({
        listening: [{ door: "clients", host: "::", port: 3128 }],
        fingerprint: "AB:CD",
        names: ["proxy.lan"],
        warnings: ["mind the gap"],
      }),
      reload: async () => undefined,
      reloadFailed: () => undefined,
      stop: async () => undefined,
    };
    const { lines, said, given } = parts(app);
    expect(await serve(given)).toBe(0);
    expect(said).toEqual([expect.stringMatching(/^Entrepot listens\n/)]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "listening", listeners: "clients=[::]:3128", fingerprint: "AB:CD" },
      { level: "warn", msg: "mind the step" },
      { level: "warn", msg: "mind the gap" },
      { msg: expect.stringContaining("SIGTERM") },
      { msg: "stopped" },
    ]);
  });

  it("says everything once where both go to one terminal", async () => {
    const app: Application = {
      start: async () => ({
        listening: [{ door: "clients", host: "::", port: 3128 }],
        ...{ fingerprint: "AB:CD", names: ["proxy.lan"], warnings: ["mind the gap"] },
      }),
      reload: async () => undefined,
      reloadFailed: () => undefined,
      stop: async () => undefined,
    };
    const { lines, said, given } = parts(app);
    expect(await serve({ ...given, isToldOnce: true })).toBe(0);
    expect(said.join("")).toMatch(/Mind: mind the step\nMind: mind the gap/);
    expect(lines.join("")).not.toContain("mind");
  });

  it("passes on why it could not start", async () => {
    const reason = new Error("port in use");
    const app: Application = {
      start: () => Promise.reject(reason),
      reload: async () => undefined,
      reloadFailed: () => undefined,
      stop: async () => undefined,
    };
    const { said, given } = parts(app);
    await expect(serve(given)).rejects.toBe(reason);
    expect(said).toEqual([]);
  });
});
