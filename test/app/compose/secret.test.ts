import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSecrets } from "../../../src/app/compose/secret.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

describe("the secrets of this process", () => {
  it("are made on the first start, readable by nobody else, and the same ever after", async () => {
    const folder = await temporaryFolder();
    const first = await openSecrets(folder, undefined);
    const { mode, size } = await stat(join(folder, "token.secret"));
    expect([mode & 0o777, size]).toEqual([0o600, 32]);
    expect(await openSecrets(folder, undefined)).toEqual(first);
  });

  it("differ for each use, and show nothing of what they are made from", async () => {
    const folder = await temporaryFolder();
    const { tokens, credentials, visibility } = await openSecrets(folder, undefined);
    const kept = await readFile(join(folder, "token.secret"));
    const all = [tokens, credentials, visibility, kept].map((key) =>
      Buffer.from(key).toString("hex"),
    );
    expect(new Set(all).size).toBe(4);
  });

  it("come from TOKEN_SECRET where several processes share it", async () => {
    const [one, other] = [await temporaryFolder(), await temporaryFolder()];
    const given = "CANARY-token-secret";
    expect(await openSecrets(one, given)).toEqual(await openSecrets(other, given));
    await expect(stat(join(one, "token.secret"))).rejects.toThrow("ENOENT");
  });
});
