import { expect, it } from "vitest";
import { registryOfKey, repositoryKey, repositoryNames } from "../../src/cache/repository-ref.ts";
import { manifestAsk } from "./support/house.ts";

it("a place has one key, from which its registry can be read", () => {
  const place = manifestAsk("registry.example:5000/a/b:1");
  expect(repositoryKey(place)).toBe("registry.example:5000/a/b");
  expect(registryOfKey(repositoryKey(place))).toBe("registry.example:5000");
  expect(repositoryNames(place)).toEqual({ registry: "registry.example:5000", repository: "a/b" });
});
