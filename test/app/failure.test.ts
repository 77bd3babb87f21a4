import { describe, expect, it } from "vitest";
import { describeFailure } from "../../src/app/failure.ts";
import { SettingsError } from "../../src/app/settings/settings-error.ts";
import { UsageError } from "../../src/app/wrong-arguments.ts";
import { DoorError } from "../../src/doors/door-error.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { CredentialError } from "../../src/upstream/auth/credential-error.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";

describe("what an operator reads when it cannot start", () => {
  it.each<[Error, number, RegExp]>([
    [new SettingsError(["PORT is odd", "HOST too"]), 78, /^PORT is odd\nHOST too$/],
    [new UsageError("there is no such flag"), 2, /^there is no such flag$/],
    [new CredentialError("SYNTAX", "entry 1 is wrong"), 78, /^entry 1 is wrong$/],
    [new StoreError("LOCKED", "/d is in use by process 5"), 1, /5; stop it, or choose another/],
    [new StoreError("FORMAT", "/d holds format 2"), 78, /^DATA_DIR cannot be used: \/d holds/],
    [new StoreError("IO", "/d cannot be locked"), 1, /^DATA_DIR cannot be used: \/d cannot/],
    [new DoorError("LISTEN", ":: port 3128 is in use"), 1, /^:: port 3128 is in use$/],
    [new DoorError("KEY_EXPOSED", "others can read ca.key"), 78, /^others can read/],
    [new UpstreamError("DNS", "a", "a does not resolve"), 1, /^a does not resolve$/],
  ])("%s", (error, exitCode, text) => {
    const failure = describeFailure(error);
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.lines.join("\n")).toMatch(text);
  });

  it("is a stack only when nobody thought of it", () => {
    expect(describeFailure(new TypeError("x is no function"))).toEqual({
      lines: [expect.stringMatching(/^this is a bug: TypeError: x is no function\n\s+at /)],
      exitCode: 1,
    });
    expect(describeFailure("odd").lines).toEqual(["this is a bug: odd"]);
  });
});
