import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { createLog, type LogOptions } from "../../src/app/log.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import type { RegistryName } from "../../src/protocol/registry-name.ts";

function listening(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    hasColours: false,
    secrets: ["CANARY-secret", 'CANARY-"quoted"'],
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

const registry = "docker.io" as RegistryName;
const digest = digestOf(Buffer.from("a"));

describe("the log", () => {
  it("has one JSON line for one request", () => {
    const { log, lines } = listening();
    log.registry({
      kind: "requestAnswered",
      client: "10.0.0.7",
      door: "mirror",
      registry,
      repository: "library/alpine",
      route: "manifest",
      what: "3.20",
      method: "HEAD",
      status: 200,
      bytes: 0,
      received: 0,
      outcome: "revalidated",
      why: { reason: "expired", said: "same", login: "none" },
      source: "memory",
      digest: undefined,
      mediaType: undefined,
      firstByte: 1,
      milliseconds: 3.2,
      end: "complete",
      error: undefined,
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      client: "10.0.0.7",
      door: "mirror",
      registry: "docker.io",
      repository: "library/alpine",
      method: "HEAD",
      what: "3.20",
      status: 200,
      bytes: 0,
      cache: "revalidated",
      ...{ why: "expired", said: "same", login: "none" },
      ms: 3,
      msg: "request",
    });
  });

  it("hears every room", () => {
    const { log, lines } = listening({ level: "debug" });
    log.door({ kind: "tunnelOpened", client: "::1", host: "a.lan" });
    log.cache({ kind: "blobEvicted", digest, size: 1, usedAt: 0 });
    log.store({ kind: "blobDropped", digest, size: 1 });
    log.upstream({ kind: "hostUp", host: "a.lan" });
    log.auth({ kind: "tokenFetched", host: "a.lan", isShared: false });
    log.note("info", "stopped");
    expect(lines).toHaveLength(6);
  });

  it("says nothing below its level, and nothing at all when silent", () => {
    const quiet = listening({ level: "warn" });
    quiet.log.note("info", "no");
    quiet.log.note("warn", "yes");
    expect(quiet.lines).toHaveLength(1);
    const silent = listening({ level: "silent" });
    silent.log.note("error", "no");
    expect(silent.lines).toEqual([]);
  });

  it.each(["json", "pretty"] as const)("masks secrets and control characters in %s", (format) => {
    const { log, lines } = listening({ format });
    log.note("warn", "CANARY-secret\nforged\u009b", { path: '/CANARY-"quoted"/x\u001b[2J' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/CANARY/);
    const line = lines[0]?.slice(0, -1).replace(/^── .* ──\n/, "");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    if (format === "json") expect(JSON.parse(lines[0] ?? "").msg).toBe("***\nforged\u009b");
  });
});

describe("the output", () => {
  const source = new URL("../../src/app/log.ts", import.meta.url).href;

  it("is complete when it has ended, and does not mind that nobody reads", async () => {
    const script = `const { openOutput } = await import(${JSON.stringify(source)});
      const output = openOutput(1);
      for (let line = 0; line < 20000; line += 1) output.write("line " + line + "\\n");
      await output.end();
      process.exit(7);`;
    const args = ["--input-type=module", "-e", script];
    const reading = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    reading.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(reading, "close");
    expect(code).toBe(7);
    expect(Buffer.concat(chunks).toString().trimEnd().split("\n")).toHaveLength(20_000);

    const deaf = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    deaf.stdout.destroy();
    expect((await once(deaf, "exit"))[0]).toBe(7);
  });
});
