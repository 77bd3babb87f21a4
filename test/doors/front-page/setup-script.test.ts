import { expect, it } from "vitest";
import { printScript, type SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import { bash, facts, image, itIsASetupScript, read, shell } from "./script-runner.ts";

const script: SetupScript = {
  name: "greeting",
  summary: "Writes a greeting.",
  body: () => `
apply() { put_ours /etc/greeting <<<'# Written by entrepot: hello from cache.lan:3128'; }
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
    "# Written by entrepot: hello from cache.lan:3128\n",
  );
  expect(printScript(script, facts)).toContain(`# ${facts.fingerprint}\n`);
});
