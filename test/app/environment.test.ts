import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { Environment } from "../../src/app/environment.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));

it("an env file is read anew at a reload; what the process was started with goes first", async () => {
  const file = join(await temporaryFolder(), "entrepot.env");
  const variables: NodeJS.ProcessEnv = { PORT: "3130", TAG_TTL: "" };
  const environment = new Environment(variables);
  await writeFile(file, "PORT=1\nTAG_TTL=1 min\nAUTH_REGISTRIES=ghcr.io:u:CANARY-1\n");
  expect(await environment.read(file)).toEqual({ files: [file], warnings: [] });
  expect(variables).toEqual({
    PORT: "3130",
    TAG_TTL: "1 min",
    AUTH_REGISTRIES: "ghcr.io:u:CANARY-1",
  });
  await writeFile(file, "AUTH_REGISTRIES=ghcr.io:u:CANARY-2\n");
  await environment.read(file);
  expect(variables).toEqual({ PORT: "3130", AUTH_REGISTRIES: "ghcr.io:u:CANARY-2" });
});

it("what Node has made of an env file before us gives way to what stands there", async () => {
  const file = join(await temporaryFolder(), "entrepot.env");
  await writeFile(file, "TOKEN_SECRET=CANARY 1 # 2\n");
  const variables: NodeJS.ProcessEnv = { TOKEN_SECRET: "CANARY 1" };
  await new Environment(variables).read(file);
  expect(variables.TOKEN_SECRET).toBe("CANARY 1 # 2");
});

it("an env file that is not there is refused in a sentence", async () => {
  await expect(new Environment({}).read("/none/entrepot.env")).rejects.toThrow(
    "--env-file names /none/entrepot.env, which cannot be read (ENOENT); write the path of a readable file",
  );
});

it("--env-file is read by config check", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "entrepot.env");
  await writeFile(file, `DATA_DIR=${folder}/data\nAUTH_REGISTRIES=ghcr.io:u:CANARY$"#'\\\n`);
  const args = [main, "config", "check", "--env-file", file];
  const env = { PATH: process.env.PATH };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  expect(stdout).toContain(`DATA_DIR=${folder}/data (env file)`);
  expect(stdout).toContain("AUTH_REGISTRIES=(secret) (env file)");
  expect(stdout).not.toContain("CANARY");
});
