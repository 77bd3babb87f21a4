import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { setupDocker } from "../../../src/doors/front-page/setup-docker.ts";
import { setupTrust } from "../../../src/doors/front-page/setup-trust.ts";
import {
  facts,
  filesBelow,
  image,
  itIsASetupScript,
  onMachine,
  read,
  shell,
  trustStore,
} from "./script-runner.ts";

itIsASetupScript(setupTrust);

it("trust: shows the fingerprint before anything is written", async () => {
  const { stdout } = await shell(await image(), setupTrust);
  expect(stdout).toMatch(/fingerprint\n {2}AB:CD\n[\s\S]*wrote .*entrepot\.crt/);
});

it("trust: another fingerprint than the one that is expected changes nothing", async () => {
  const folder = await image();
  const before = await filesBelow(folder);
  const wrong = shell(folder, setupTrust, [], ["--fingerprint=AB:CE"]);
  await expect(wrong).rejects.toThrow(/the fingerprint of this proxy's CA is AB:CD/);
  expect(await filesBelow(folder)).toEqual(before);
  await shell(folder, setupTrust, [], ["--fingerprint=ab cd"]);
  expect(await read(folder, `${trustStore}/entrepot.crt`)).toBe(facts.root);
});

it("trust: what another set-up needs stays trusted until that is undone too", async () => {
  const folder = await image();
  const before = await filesBelow(folder);
  await shell(folder, setupDocker);
  await shell(folder, setupTrust);
  const { stdout } = await shell(folder, setupTrust, [], ["--undo"]);
  expect(stdout).toContain("the CA stays trusted: /setup/docker");
  expect(await read(folder, `${trustStore}/entrepot.crt`)).toBe(facts.root);
  await shell(folder, setupDocker, [], ["--undo"]);
  expect(await filesBelow(folder)).toEqual(before);
});

it("trust: with nobody to ask it says how to answer beforehand, and changes nothing", async () => {
  const folder = await image();
  await mkdir(join(folder, "var/lib"), { recursive: true });
  const before = await filesBelow(folder);
  const run = onMachine(folder, {
    ...setupTrust,
    body: (its) => setupTrust.body(its).replaceAll("/dev/tty", "/nowhere/tty"),
  });
  await expect(run).rejects.toThrow(/no terminal to ask at; --yes or --fingerprint/);
  expect(await filesBelow(folder)).toEqual(before);
});
