import { type ChildProcess, spawn } from "node:child_process";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));

/**
 * As systemd does: listens, hands the socket to one run of the program after the other, and takes
 * nothing from it itself, since it stands still while a run goes on.
 */
const keeper = `
  const { spawnSync } = require("node:child_process");
  const { createServer } = require("node:net");
  const server = createServer().listen(0, "127.0.0.1", () => {
    console.log("port " + server.address().port);
    const script = 'echo "pid $$"; LISTEN_PID=$$ exec "$0" "$1"';
    for (let run = 0; run < 2; run += 1)
      spawnSync("/bin/sh", ["-c", script, process.execPath, process.argv[1]], {
        stdio: ["ignore", "inherit", "inherit", server._handle.fd],
      });
    process.exit(0);
  });`;

function startKeeper(
  folder: string,
  names: string,
  settings: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = spawn(process.execPath, ["-e", keeper, main], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: {
      ...{ PATH: "/usr/bin:/bin", DATA_DIR: join(folder, "data"), LOG_FORMAT: "json" },
      // These would be taken if nothing were handed over.
      ...{ HOST: "192.0.2.1", PORT: "1", ADMIN_PORT: "0" },
      ...{ LISTEN_FDS: "1", LISTEN_FDNAMES: names, ...settings },
    },
  });
  // With the run that it waits for.
  onTestFinished(() => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  });
  return child;
}

function answerOf(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, path: "/healthz", agent: false });
    asked.on("error", (error) => resolve(error.message));
    asked.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.end();
  });
}

/** "end" when it was let in and cut off. */
function fateOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.setTimeout(20_000, () => resolve("waits for ever"));
    socket.once("error", (error) => resolve(error.message));
    socket.once("end", () => resolve("end"));
    socket.resume();
  });
}

type Seen = { port: number; pid: number; starts: number };

/** What the program and its keeper print, one by one, up to the program's being open. */
async function* startsOf(child: ChildProcess): AsyncGenerator<Seen & { readonly line: string }> {
  const seen: Seen = { port: 0, pid: 0, starts: 0 };
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    if (line.startsWith("port ")) seen.port = Number(line.slice(5));
    if (line.startsWith("pid ")) seen.pid = Number(line.slice(4));
    if (!line.includes('"msg":"listening"')) continue;
    seen.starts += 1;
    yield { ...seen, line };
  }
}

describe("a socket that systemd listens on", () => {
  it("goes before HOST and PORT, and turns nobody away while the program starts again", async () => {
    const child = startKeeper(await temporaryFolder(), "entrepot.socket");
    const answers: (number | string)[] = [];
    let isOver = false;
    let asking: Promise<void> | undefined;
    const askAlways = async (port: number): Promise<void> => {
      while (!isOver) answers.push(await answerOf(port));
    };
    for await (const { line, port, pid, starts } of startsOf(child)) {
      expect(line).toContain(`clients=127.0.0.1:${port}`);
      asking ??= askAlways(port);
      isOver = starts === 2;
      if (isOver) await asking;
      else expect(await answerOf(port)).toBe(200);
      process.kill(pid, "SIGTERM");
    }
    expect(isOver).toBe(true);
    expect(new Set(answers)).toEqual(new Set([200]));
  }, 60_000);

  it("that nobody knows the name of is not listened on", async () => {
    const child = startKeeper(await temporaryFolder(), "other.socket");
    const said: string[] = [];
    child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    for await (const start of startsOf(child)) expect(start).toBeUndefined();
    expect(said.join("")).toContain("192.0.2.1 is no address of this machine");
  }, 60_000);

  it.each([
    ["entrepot-http.socket", "systemctl disable --now entrepot-http.socket"],
    ["entrepot-admin.socket", "where the back office listens say ADMIN_HOST and ADMIN_PORT"],
  ])(
    "and hands over as %s, which has no use, turns everybody away and says so",
    async (name, said) => {
      const settings = { HOST: "127.0.0.1", PORT: String(await freePort()) };
      const child = startKeeper(await temporaryFolder(), name, settings);
      const errors: string[] = [];
      child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk.toString()));
      let seen = 0;
      for await (const { line, port, pid, starts } of startsOf(child)) {
        seen = starts;
        expect(line).not.toContain(`:${port} `);
        expect(await fateOf(port)).toBe("end");
        if (starts === 1) await expect.poll(() => errors.join("")).toContain(said);
        process.kill(pid, "SIGTERM");
      }
      expect(seen, errors.join("")).toBe(2);
    },
    60_000,
  );
});
