import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { Application, Started } from "../../src/app/application.ts";
import { type RunParts, runUntilStopped } from "../../src/app/lifecycle.ts";
import { createLog } from "../../src/app/log.ts";
import { eventually } from "../support/eventually.ts";

const started: Started = { listening: [], fingerprint: "", names: ["h"], warnings: [] };

type Behaviour = {
  readonly start?: () => Promise<Started>;
  readonly stop?: (deadline: AbortSignal) => Promise<void>;
};

function newRun(behaviour: Behaviour = {}, parts: Partial<RunParts> = {}) {
  const steps: string[] = [];
  const lines: string[] = [];
  const signals = new EventEmitter();
  const app: Application = {
    start: async () => {
      steps.push("start");
      return (await behaviour.start?.()) ?? started;
    },
    reload: async () => undefined,
    reloadFailed: () => undefined,
    stop: async (deadline) => {
      steps.push(deadline.aborted ? "stop at once" : "stop");
      await behaviour.stop?.(deadline);
    },
  };
  const log = createLog({
    level: "debug",
    format: "json",
    hasColours: false,
    secrets: [],
    write: (line) => lines.push(line),
  });
  const run = runUntilStopped(app, {
    log,
    signals,
    announce: () => steps.push("announced"),
    onHangUp: () => steps.push("hung up"),
    exitNow: (code) => steps.push(`exit ${code}`),
    ...parts,
  });
  return { run, steps, lines, signals };
}

describe("a run", () => {
  it.each(["SIGTERM", "SIGINT"])("starts, and stops in order at %s", async (signal) => {
    const { run, steps, signals } = newRun();
    await eventually(() => steps.includes("announced"));
    signals.emit(signal);
    expect(await run).toBe(0);
    expect(steps).toEqual(["start", "announced", "stop"]);
    expect(signals.eventNames()).toEqual([]);
  });

  it("ends at once at a second signal", async () => {
    const gate = Promise.withResolvers<void>();
    let time = 0;
    const { run, steps, signals } = newRun({ stop: () => gate.promise }, { steady: () => time });
    await eventually(() => steps.includes("announced"));
    signals.emit("SIGTERM");
    time += 1_500;
    signals.emit("SIGTERM");
    expect(steps.at(-1)).toBe("exit 143");
    signals.emit("SIGINT");
    expect(steps.at(-1)).toBe("exit 130");
    gate.resolve();
    expect(await run).toBe(0);
  });

  it("stops in order at one Ctrl-C that comes twice, from the terminal and from npm", async () => {
    const { run, steps, signals } = newRun();
    await eventually(() => steps.includes("announced"));
    signals.emit("SIGINT");
    signals.emit("SIGINT");
    expect(await run).toBe(0);
    expect(steps).toEqual(["start", "announced", "stop"]);
  });

  it("lets what runs finish until the deadline, no longer", async () => {
    const stop = (deadline: AbortSignal) =>
      new Promise<void>((resolve) => {
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    const { run, steps, signals } = newRun({ stop }, { deadline: 20 });
    await eventually(() => steps.includes("announced"));
    signals.emit("SIGTERM");
    expect(await run).toBe(0);
    expect(steps.at(-1)).toBe("stop");
  });

  it("closes what a failed start has opened, and says why it failed", async () => {
    const reason = new Error("port in use");
    const { run, steps, signals } = newRun({ start: () => Promise.reject(reason) });
    await expect(run).rejects.toBe(reason);
    expect(steps).toEqual(["start", "stop at once"]);
    expect(signals.eventNames()).toEqual([]);
  });

  it("can be stopped while it starts, however that then ends", async () => {
    const gate = Promise.withResolvers<Started>();
    const { run, steps, signals } = newRun({ start: () => gate.promise });
    signals.emit("SIGTERM");
    gate.reject(new Error("closed under it"));
    expect(await run).toBe(0);
    expect(steps).toEqual(["start", "stop"]);
  });

  it("rejects when it cannot be stopped", async () => {
    const reason = new Error("cannot close");
    const { run, steps, signals } = newRun({ stop: () => Promise.reject(reason) });
    await eventually(() => steps.includes("announced"));
    signals.emit("SIGTERM");
    await expect(run).rejects.toBe(reason);
  });

  it("stays up at SIGHUP, and tells of it", async () => {
    const { run, steps, signals } = newRun();
    await eventually(() => steps.includes("announced"));
    signals.emit("SIGHUP");
    expect(steps).toContain("hung up");
    expect(steps).not.toContain("stop");
    signals.emit("SIGTERM");
    await run;
  });

  it.each(["uncaughtException", "unhandledRejection"])(
    "tells of an %s and stops in order, as a failure",
    async (name) => {
      const { run, steps, lines, signals } = newRun();
      await eventually(() => steps.includes("announced"));
      signals.emit(name, new Error("nobody caught me"));
      signals.emit(name, "nor me");
      expect(await run).toBe(1);
      expect(steps.at(-1)).toBe("stop");
      expect(lines.join()).toMatch(/nobody caught me.*nor me/s);
    },
  );
});
