import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import { trustCa } from "../../../src/doors/front-page/trust-ca.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { facts, itIsASetupScript, read, shell } from "./script-runner.ts";

const script: SetupScript = {
  name: "trust",
  summary: "Trusts the CA of cache.lan:3128.",
  body: (its) => `${trustCa(its, "trust")}
apply() { trust_ca; [[ $printing = no ]] || say cache.lan:3128; }
undo() { distrust_ca; forget_kept; }`,
};

itIsASetupScript(script);

it.each([
  ["Debian and Alpine", "usr/local/share/ca-certificates"],
  ["Fedora and RHEL", "etc/pki/ca-trust/source/anchors"],
  ["Arch", "etc/ca-certificates/trust-source/anchors"],
  ["openSUSE", "etc/pki/trust/anchors"],
])("the CA goes into the trust store of %s", async (_what, store) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, store), { recursive: true });
  await shell(folder, script);
  expect(await read(folder, `${store}/entrepot.crt`)).toBe(facts.root);
});

it("says what to install where there is no trust store", async () => {
  await expect(shell(await temporaryFolder(), script)).rejects.toThrow(/ca-certificates/);
});
