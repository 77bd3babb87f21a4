import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));

type Environment = Readonly<Record<string, string>>;

/** The program in a folder of its own, with nothing but this environment. */
async function start(args: readonly string[], env: Environment = {}, cwd?: string) {
  const folder = cwd ?? (await temporaryFolder());
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOST: "127.0.0.1", ADMIN_PORT: "0", ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    output.out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    output.err += String(chunk);
  });
  const ended = once(child, "close").then(([code]) => Number(code));
  return { child, folder, output, ended };
}

async function run(args: readonly string[], env: Environment = {}, cwd?: string) {
  const { output, ended } = await start(args, env, cwd);
  const code = await ended;
  expect(output.err).not.toMatch(/\n\s+at .+:\d+:\d+/);
  return { code, ...output };
}

async function expectEnd(
  args: readonly string[],
  env: Environment,
  [its, sentence]: readonly [code: number, sentence: string],
): Promise<void> {
  const { code, out, err } = await run(args, env);
  expect([code, out]).toEqual([its, ""]);
  expect(err).toMatch(/^entrepot: [^\n]+\n$/);
  expect(err).toContain(`entrepot: ${sentence}`);
}

describe("the command line", () => {
  it("explains itself", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/Usage: entrepot/);
    expect(out.split("\n").length).toBeLessThan(50);
    const settings = await run(["serve", "--help"]);
    expect(settings.out).toMatch(/--cache-max-size <size>/);
    expect((await run(["config", "check", "-h"])).out).toMatch(/--cache-max-size <size>/);
    expect((await run(["-v"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(out).toMatch(/\n {2}health\s+ask the server/);
  });

  it("checks settings from flags, environment and file, wherever the flags stand", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "entrepot.yaml"), "port: 3200\ncache_max_size: 1g\n");
    const args = ["--tag-ttl", "1 min", "config", "check", "--config", "entrepot.yaml"];
    const { code, out } = await run(args, { AUTH_REGISTRIES: "ghcr.io:u:CANARY-p" }, folder);
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual([
      "HOST=127.0.0.1 (environment)",
      "PORT=3200 (settings file)",
      "ADMIN_PORT=0 (environment)",
      "AUTH_REGISTRIES=(secret) (environment)",
      "CACHE_MAX_SIZE=1g (settings file)",
      "TAG_TTL=1 min (flag)",
      "The settings are fine.",
      "",
    ]);
  });

  it.each<[string, readonly string[], Environment, string]>([
    ["a misspelt flag", ["--prot", "1"], {}, "unknown option '--prot'; did you mean --port?"],
    ["a misspelt command", ["sreve"], {}, 'there is no command "sreve"; did you mean serve?'],
    ["a misspelt sub-command", ["ca", "prnit"], {}, 'unknown command "prnit"; did you mean print?'],
    [
      "a secret",
      ["--auth-registries", "ghcr.io:u:CANARY"],
      {},
      "unknown option '--auth-registries'; write --auth-registries-file and a file",
    ],
    ["a flag without its value", ["--port"], {}, "--port needs a value; write --port <port>"],
    ["a word too many", ["health", "now"], {}, 'health takes no further word; leave "now" out'],
  ])("ends with a sentence and 2 given %s", async (_, args, env, sentence) => {
    await expectEnd(args, env, [2, sentence]);
  });

  it.each<[string, readonly string[], Environment, string]>([
    [
      "a check of settings that name a file which is not there",
      ["config", "check"],
      { DOCKER_CONFIG: "./none" },
      "DOCKER_CONFIG names ./none, which cannot be read (ENOENT); write the path of a readable file",
    ],
    ["a malformed value", [], { PORT: "x" }, 'PORT is "x"; write a port from 1 to 65535'],
    [
      "no settings file",
      ["--config", "none"],
      {},
      "the settings file none cannot be read (ENOENT)",
    ],
    ["CONFIG_FILE alike", [], { CONFIG_FILE: "none" }, "the settings file none cannot be read"],
  ])("ends with a sentence and 78 given %s", async (_, args, env, sentence) => {
    await expectEnd(args, env, [78, sentence]);
  });

  const ofOthers = [
    ["a start", []],
    ["a check", ["config", "check"]],
  ] as const;
  it.each(ofOthers)(
    "ends %s with 78 where the certificate of TLS_CERT is not there",
    async (_what, args) => {
      const { code, err } = await run(args, { TLS_PORT: "8443", TLS_CERT: "./none" });
      expect(code).toBe(78);
      expect(err).toBe(
        "entrepot: TLS_CERT names ./none, which cannot be read (ENOENT); write the path of a readable file\n",
      );
    },
  );

  it.skipIf(process.getuid?.() !== 0)(
    "ends with 78 and a sentence where DATA_DIR is closed to its user",
    async () => {
      const folder = await temporaryFolder();
      await chmod(folder, 0o755);
      await mkdir(join(folder, "data"), { mode: 0o700 });
      for (const args of [[], ["config", "check"]]) {
        const child = spawn(process.execPath, [main, ...args], {
          ...{ cwd: folder, uid: 65_534, gid: 65_534 },
          env: { PATH: process.env.PATH ?? "", HOST: "127.0.0.1" },
        });
        let err = "";
        child.stderr.on("data", (chunk) => {
          err += String(chunk);
        });
        const [code] = await once(child, "close");
        expect([code, err]).toEqual([
          78,
          "entrepot: DATA_DIR cannot be used: ./data is closed to this user; chown it to this user, or use another folder\n",
        ]);
      }
    },
  );

  it("says what was meant by a key of the settings file", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "e.yaml"), "cache_max_sise: 1g\n");
    const { code, err } = await run(["serve", "--config", "e.yaml"], {}, folder);
    expect(code).toBe(78);
    expect(err).toBe(
      'entrepot: e.yaml has "cache_max_sise", which is no setting; did you mean cache_max_size?\n',
    );
  });

  it("says that there is no CA yet, and that nobody answers", async () => {
    const ca = await run(["ca", "fingerprint"]);
    expect([ca.code, ca.err]).toEqual([
      1,
      expect.stringMatching(/^entrepot: there is no .*ca\.crt; /),
    ]);
    const health = await run(["health", "--port", String(await freePort())]);
    expect([health.code, health.err]).toEqual([
      3,
      expect.stringMatching(/^entrepot: nothing listens/),
    ]);
  });

  it("serves, says so, keeps a second one out, and drains at SIGTERM", async () => {
    const folder = await temporaryFolder();
    const PORT = String(await freePort());
    const first = await start([], { PORT, LOG_FORMAT: "json" }, folder);
    await eventually(() => first.output.err.includes("in a browser"));
    expect(first.output.err).toMatch(/^Entrepot listens\n {2}clients +127\.0\.0\.1:\d+\n/);
    expect((await run(["health", "--wait", "5"], { PORT })).out).toBe("ready\n");
    const found = await run(["health"], { HOST: "" }, folder);
    expect([found.code, found.out]).toEqual([0, "ready\n"]);
    const { out: fingerprint } = await run(["ca", "fingerprint"], {}, folder);
    expect(first.output.err).toContain(fingerprint.trim());

    const other = { PORT: String(await freePort()) };
    const second = await run([], other, folder);
    expect(second.code).toBe(1);
    expect(second.err).toBe(
      `entrepot: ./data is in use by process ${first.child.pid}; stop it, or choose another DATA_DIR\n`,
    );
    const third = await run([], { PORT, DATA_DIR: "other" }, folder);
    expect(third.code).toBe(1);
    expect(third.err).toMatch(new RegExp(`^entrepot: .*${PORT} is in use`));

    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    expect(await readFile(join(folder, "data", "clean"), "utf8")).toBe("all\n");
    const lines = first.output.out.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(
      expect.arrayContaining(["listening", "stopped"]),
    );
  });

  it("says that the data folder cannot be used", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    const PORT = String(await freePort());
    const inFile = await run([], { PORT, DATA_DIR: "file/data" }, folder);
    expect(inFile.code).toBe(78);
    expect(inFile.err).toBe(
      "entrepot: DATA_DIR cannot be used: file/data lies below a file; use another folder\n",
    );
    const isFile = await run([], { PORT, DATA_DIR: "file" }, folder);
    expect(isFile.err).toBe("entrepot: DATA_DIR cannot be used: file is a file; use a folder\n");
    await mkdir(join(folder, "home", "Documents"), { recursive: true });
    const home = await run([], { PORT, DATA_DIR: "home" }, folder);
    expect(home.code).toBe(78);
    expect(home.err).toBe(
      'entrepot: DATA_DIR cannot be used: home holds files that are not ours, such as "Documents"; use an empty folder, such as home/entrepot, or one that was DATA_DIR before\n',
    );
    await mkdir(join(folder, "newer"));
    await writeFile(join(folder, "newer", "VERSION"), "9\n");
    const newer = await run([], { PORT, DATA_DIR: "newer" }, folder);
    expect(newer.code).toBe(78);
    expect(newer.err).toMatch(/newer holds format 9, and this version reads up to format 2/);
  });
});
