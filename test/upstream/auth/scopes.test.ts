import { describe, expect, it } from "vitest";
import {
  pullScopes,
  repositoryOf,
  splitScopes,
  wordScopes,
} from "../../../src/upstream/auth/scopes.ts";

describe("pullScopes", () => {
  it.each([
    [["repository:a/b:pull,push"], ["repository:a/b:pull"]],
    [
      ["repository:a/b:pull,push,delete", "repository:c:pull"],
      ["repository:a/b:pull", "repository:c:pull"],
    ],
    [["repository:a:*"], ["repository:a:pull"]],
    [["repository(plugin):a/b:pull"], ["repository(plugin):a/b:pull"]],
    [["repository:reg.example:5000/a:push,pull"], ["repository:reg.example:5000/a:pull"]],
    [["repository:a:pull", "repository:a:pull,push"], ["repository:a:pull"]],
    [["repository:a:push"], []],
    [["repository:a:delete"], []],
    [["registry:catalog:*"], []],
    [["aws"], []],
    [["offline_access", "", "repository::pull", "repository:a b:pull"], []],
    [[`repository:${"x".repeat(600)}:pull`], []],
  ])("of %o leaves %o", (wanted, expected) => {
    expect(pullScopes(wanted)).toEqual(expected);
  });

  it("keeps the words that the registry itself demands", () => {
    expect(pullScopes(["repository:a:pull", "other"], ["aws"])).toEqual([
      "aws",
      "repository:a:pull",
    ]);
    expect(wordScopes(["aws", "repository:a:pull"])).toEqual(["aws"]);
  });

  it("asks for no more than 64", () => {
    const many = Array.from({ length: 100 }, (_, index) => `repository:a${index}:pull`);
    expect(pullScopes(many)).toHaveLength(64);
  });
});

it("splits and names", () => {
  expect(splitScopes(["a:b:c  d:e:f", "", "g"])).toEqual(["a:b:c", "d:e:f", "g"]);
  expect(repositoryOf(["aws", "repository:a/b:pull"])).toBe("a/b");
  expect(repositoryOf(["registry:catalog:*"])).toBeUndefined();
});
