import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allLogins } from "../../../src/app/compose/logins.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { settingsWith } from "./composing.ts";

const noHelpers = { list: () => Promise.reject(new Error("no helper was named")) };
const config = {
  auths: {
    "ghcr.io": { auth: Buffer.from("bob:CANARY-from-config").toString("base64") },
    "quay.io": { auth: Buffer.from("eve:CANARY-quay").toString("base64") },
  },
};

describe("all logins", () => {
  it("are those of the settings first, then those of the docker config", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    const settings = await settingsWith({
      AUTH_REGISTRIES: "ghcr.io:ann:CANARY-own",
      DOCKER_CONFIG: folder,
    });
    const logins = await allLogins(settings, noHelpers);
    expect(
      logins.map(({ address, login }) => [address.host, "user" in login && login.user]),
    ).toEqual([
      ["ghcr.io", "ann"],
      ["quay.io", "eve"],
    ]);
  });

  it("take in what a credential store holds", async () => {
    const path = join(await temporaryFolder(), "auth.json");
    await writeFile(path, JSON.stringify({ credsStore: "pass" }));
    const list = async () => ["https://index.docker.io/v1/"];
    const logins = await allLogins(await settingsWith({ DOCKER_CONFIG: path }), { list });
    expect(logins[0]?.login).toEqual({
      kind: "helper",
      helper: "pass",
      server: "https://index.docker.io/v1/",
    });
  });

  it("name the file that cannot be read", async () => {
    const settings = await settingsWith({ DOCKER_CONFIG: "/nowhere/config.json" });
    await expect(allLogins(settings, noHelpers)).rejects.toThrow(
      "DOCKER_CONFIG names /nowhere/config.json, which cannot be read (ENOENT); write the path of a readable file",
    );
  });

  it("name the file that is no docker config, in its folder", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), "[registries]");
    const settings = await settingsWith({ DOCKER_CONFIG: folder });
    await expect(allLogins(settings, noHelpers)).rejects.toThrow(
      `DOCKER_CONFIG names ${folder}/config.json, which holds no JSON object; write`,
    );
  });
});
