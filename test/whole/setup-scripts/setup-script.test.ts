import { execFile, spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readlink, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { printScript, type SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import {
  bash,
  facts,
  image,
  itIsASetupScript,
  onMachine,
  read,
  shell,
  write,
} from "./script-runner.ts";

const script: SetupScript = {
  name: "greeting",
  summary: "Writes a greeting.",
  body: () => `
apply() {
  put_ours /etc/greeting <<'END'
# Written by entrepot
hello from cache.lan:3128
END
}
undo() { drop_ours /etc/greeting; }`,
};

itIsASetupScript(script);

it("a set-up script needs root, unless it writes below a folder or only prints", async () => {
  const text = printScript(script, facts).replaceAll("$EUID", "1000");
  await expect(bash(text, ["-s"])).rejects.toThrow(/needs root: run it with sudo/);
  expect((await bash(text, ["-s", "--", "--print"])).stdout).toContain("hello");
  await expect(bash(text, ["-s", "--", "--root"])).rejects.toThrow(/--root needs a folder/);
});

it("what a set-up script writes can be read by everybody, and names the CA it came with", async () => {
  const folder = await image();
  await shell(folder, script);
  expect(await read(folder, "etc/greeting")).toBe(
    "# Written by entrepot\nhello from cache.lan:3128\n",
  );
  expect(printScript(script, facts)).toContain(`# ${facts.fingerprint}\n`);
});

const otherShells = ["dash", "busybox sh"].filter((line) => {
  const [program = "", ...args] = line.split(" ");
  return spawnSync(program, [...args, "-c", ":"]).status === 0;
});

it.each(otherShells)(
  "a set-up script run with %s says that it needs bash, and does nothing",
  async (line) => {
    const [program = "", ...args] = line.split(" ");
    const child = promisify(execFile)(program, [...args, "-s", "--", "--print"]);
    child.child.stdin?.end(printScript(script, facts));
    await expect(child).rejects.toMatchObject({
      stdout: "",
      stderr: expect.stringMatching(/^entrepot: .* bash\b[^\n]*\n$/),
    });
  },
);

const twoFiles: SetupScript = {
  ...script,
  body: () => `
apply() {
  local name
  for name in first second; do put_ours /etc/$name < <(content); done
}
content() { printf '%s\\n' '# Written by entrepot' 'mirror = cache.lan:3128'; }
undo() { drop_ours /etc/first; drop_ours /etc/second; }`,
};

it("a set-up script that meets somebody else's file writes the others, and fails at its end", async () => {
  const folder = await image();
  await write(folder, "etc/first", "# mine\n");
  await expect(shell(folder, twoFiles)).rejects.toMatchObject({
    stdout: "entrepot: wrote /etc/second\n",
    stderr: expect.stringMatching(/cache\.lan:3128[\s\S]*\/etc\/first .*not ours\n.*by hand/),
  });
  expect(await read(folder, "etc/first")).toBe("# mine\n");
  expect(await read(folder, "etc/second")).toContain("cache.lan:3128");
});

it("a set-up script is content with somebody else's file that names the mirror already", async () => {
  const folder = await image();
  await write(folder, "etc/first", '# mine\n[host."http://cache.lan:3128"]\n');
  const { stdout } = await shell(folder, twoFiles);
  expect(stdout).toMatch(/\/etc\/first .*not ours.*already/);
  expect((await shell(folder, twoFiles)).stdout).toContain("nothing to do");
});

it("what a set-up script shows to be added by hand makes nobody's file ours", async () => {
  const folder = await image();
  await write(folder, "etc/greeting", "# mine\n");
  const { stderr } = await shell(folder, script).catch((error) => error);
  expect(stderr).toContain("hello from cache.lan:3128");
  const merged = `${stderr}\n# mine\n`;
  await write(folder, "etc/greeting", merged);
  await shell(folder, script);
  await shell(folder, script, [], ["--undo"]);
  expect(await read(folder, "etc/greeting")).toBe(merged);
});

const merging: SetupScript = {
  ...script,
  body: () => `
apply() { put /etc/shared.json <<<'{"new": 1}'; }
undo() { put /etc/shared.json <<<'{}'; }`,
};

it("a set-up script leaves owner and mode of a file that it changes as they are", async () => {
  const folder = await image();
  await write(folder, "etc/shared.json", '{"password": "x"}');
  const path = join(folder, "etc/shared.json");
  await chmod(path, 0o640);
  // Only root gives files away.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(path, 33, 34);
  await shell(folder, merging);
  expect(await read(folder, "etc/shared.json")).toBe('{"new": 1}\n');
  const { mode, uid, gid } = await stat(path);
  expect(mode & 0o777).toBe(0o640);
  if (isRoot) expect([uid, gid]).toEqual([33, 34]);
});

it("a set-up script changes the file that a symbolic link leads to, and not the link", async () => {
  const folder = await image();
  await write(folder, "managed/shared.json", "{}");
  await mkdir(join(folder, "etc"));
  await mkdir(join(folder, "var/lib"), { recursive: true });
  await symlink("../managed/shared.json", join(folder, "etc/shared.json"));
  await onMachine(folder, merging);
  expect(await readlink(join(folder, "etc/shared.json"))).toBe("../managed/shared.json");
  expect(await read(folder, "managed/shared.json")).toBe('{"new": 1}\n');
});
