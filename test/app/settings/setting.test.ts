import { describe, expect, it } from "vitest";
import { text } from "../../../src/app/settings/kind.ts";
import {
  fileVariableOf,
  flagOf,
  keyOf,
  optional,
  setting,
} from "../../../src/app/settings/setting.ts";

describe("a setting's name", () => {
  const plain = setting({ name: "TAG_TTL", kind: text, default: "x", help: "" });
  const secret = optional({ name: "CA_KEY_PASSPHRASE", kind: text, isSecret: true, help: "" });
  const bare = optional({ name: "CONFIG", kind: text, isSecret: true, hasFlag: false, help: "" });

  it("gives its flag, its variables and its key", () => {
    expect([flagOf(plain), fileVariableOf(plain), keyOf(plain)]).toEqual([
      "--tag-ttl",
      undefined,
      "tag_ttl",
    ]);
    expect(plain.environment).toEqual(["TAG_TTL"]);
  });

  it("gives a secret's flag the path of a file, since a command line is no secret", () => {
    expect([flagOf(secret), fileVariableOf(secret)]).toEqual([
      "--ca-key-passphrase-file",
      "CA_KEY_PASSPHRASE_FILE",
    ]);
    expect(secret.default).toBeUndefined();
  });

  it("gives neither where they mean something else", () => {
    expect([flagOf(bare), fileVariableOf(bare)]).toEqual([undefined, undefined]);
  });
});
