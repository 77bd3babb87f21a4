import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CredentialHelpers } from "../../../src/upstream/auth/credential-helper.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

/** A `docker-credential-test` that runs this shell script. */
async function helper(script: string, timeoutMs = 5_000) {
  const folder = await temporaryFolder();
  const path = join(folder, "docker-credential-test");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  const closing = new AbortController();
  const environment = { PATH: `${folder}:/usr/bin:/bin`, FOLDER: folder };
  const helpers = new CredentialHelpers({ environment, life: closing.signal, timeoutMs });
  return { helpers, folder, closing };
}

describe("a credential helper", () => {
  it("is asked on its standard input and answers there", async () => {
    const { helpers, folder } = await helper(
      `echo "$@" > "$FOLDER/arguments"; cat > "$FOLDER/input"; echo '{"ServerURL":"x","Username":"AWS","Secret":"CANARY-ecr"}'`,
    );
    expect(await helpers.get("test", "1.dkr.ecr.eu-west-1.amazonaws.com")).toEqual({
      user: "AWS",
      secret: "CANARY-ecr",
    });
    expect(await readFile(join(folder, "arguments"), "utf8")).toBe("get\n");
    expect(await readFile(join(folder, "input"), "utf8")).toBe("1.dkr.ecr.eu-west-1.amazonaws.com");
  });

  it("may say when its answer expires", async () => {
    const { helpers } = await helper(
      `echo '{"Username":"AWS","Secret":"CANARY","ExpiresAt":"2026-01-02T00:00:00Z"}'`,
    );
    expect((await helpers.get("test", "a"))?.expiresAt).toBe(Date.UTC(2026, 0, 2));
  });

  it("lists the servers it has", async () => {
    const { helpers } = await helper(
      `echo '{"https://index.docker.io/v1/":"bob","ghcr.io":"eve"}'`,
    );
    expect(await helpers.list("test")).toEqual(["https://index.docker.io/v1/", "ghcr.io"]);
  });

  it("may have nothing", async () => {
    const { helpers } = await helper(`echo "credentials not found in native keychain"; exit 1`);
    expect(await helpers.get("test", "ghcr.io")).toBeUndefined();
  });

  it.each([
    ["exit 3", "ends with code 3"],
    ["echo CANARY-not-json", "does not answer in JSON"],
    [`echo '{"Username":"CANARY"}'`, "answers without Username and Secret"],
    ["head -c 300000 /dev/zero | tr '\\\\0' x; sleep 5", "cannot be run"],
  ])("that does %s fails without quoting it", async (script, what) => {
    const { helpers } = await helper(script);
    const answer = helpers.get("test", "ghcr.io");
    await expect(answer).rejects.toMatchObject({
      code: "HELPER",
      message: `docker-credential-test ${what}`,
    });
  });

  it("that hangs is killed", async () => {
    const { helpers } = await helper("exec sleep 60", 100);
    await expect(helpers.get("test", "a")).rejects.toThrow("does not answer in time");
  });

  it("dies with the house", async () => {
    const { helpers, closing } = await helper("exec sleep 60");
    const answer = helpers.get("test", "a");
    closing.abort();
    await expect(answer).rejects.toMatchObject({ code: "HELPER" });
  });

  it.each(["", "../evil", "a/b", "-x", "a b", "nobody-has-this"])(
    "is not called %j",
    async (name) => {
      const { helpers } = await helper("true");
      await expect(helpers.get(name, "a")).rejects.toMatchObject({ code: "HELPER" });
    },
  );
});
