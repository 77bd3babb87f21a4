import { expect, it } from "vitest";
import { registryOfKey, repositoryKey, repositoryNames } from "../../src/cache/repository-ref.ts";
import { manifestAsk } from "./support/house.ts";

it("a repository has one key, from which its registry can be read", () => {
  const ref = manifestAsk("registry.example:5000/a/b:1");
  expect(repositoryKey(ref)).toBe("registry.example:5000/a/b");
  expect(registryOfKey(repositoryKey(ref))).toBe("registry.example:5000");
  expect(repositoryNames(ref)).toEqual({ registry: "registry.example:5000", repository: "a/b" });
});
