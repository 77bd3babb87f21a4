import { describe, expect, it } from "vitest";
import { problemsOf, settingsFrom } from "./loading.ts";

describe("the CA and tokens", () => {
  it("are made on the first start unless they are given", async () => {
    const { authority } = await settingsFrom({});
    expect(authority).toEqual({
      cert: undefined,
      key: undefined,
      keyPassphrase: undefined,
      tokenSecret: undefined,
    });
  });

  it("take a pass-phrase with its blanks", async () => {
    const { authority } = await settingsFrom({ CA_KEY_PASSPHRASE: " foo bar " });
    expect(authority.keyPassphrase).toBe(" foo bar ");
  });

  it("need a secret that cannot be guessed, and do not show it", async () => {
    expect(await problemsOf({ environment: { TOKEN_SECRET: "CANARY-short" } })).toEqual([
      "TOKEN_SECRET cannot be used; write at least 16 characters",
    ]);
  });
});
