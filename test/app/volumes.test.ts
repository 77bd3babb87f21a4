import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readVolumes } from "../../src/app/volumes.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

/** A container's root with these files, and what its variables come to be. */
async function read(files: readonly string[], given: Record<string, string> = {}) {
  const root = await temporaryFolder();
  for (const file of files) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), "");
  }
  const variables: Record<string, string> = { ENTREPOT_CONTAINER: "1", ...given };
  readVolumes(variables, root);
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value.replace(root, "")]),
  );
}

const cache = "docker_mirror_cache/c/29/b7f5";
const ca = ["ca/ca.crt", "ca/ca.key"];

describe("volumes of docker-registry-proxy", () => {
  it("are used as they are mounted", async () => {
    expect(await read([cache, ...ca])).toEqual({
      ENTREPOT_CONTAINER: "1",
      DATA_DIR: "/docker_mirror_cache/entrepot",
      CA_CERT: "/ca/ca.crt",
      CA_KEY: "/ca/ca.key",
    });
  });

  it("say nothing against what is set", async () => {
    const given = { DATA_DIR: "/elsewhere", CA_CERT: "/my.crt", CA_KEY: "/my.key" };
    expect(await read([cache, ...ca], given)).toEqual({ ENTREPOT_CONTAINER: "1", ...given });
  });

  it("say nothing while they are empty", async () => {
    expect(await read(["ca/.keep"])).toEqual({ ENTREPOT_CONTAINER: "1" });
  });

  it("say nothing outside the image", async () => {
    expect(await read([cache, ...ca], { ENTREPOT_CONTAINER: "" })).toEqual({
      ENTREPOT_CONTAINER: "",
    });
  });
});
