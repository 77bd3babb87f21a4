import { expect, it } from "vitest";
import { placeKey, placeNames, registryOfKey } from "../../src/cache/place.ts";
import { manifestAsk } from "./support/house.ts";

it("a place has one key, from which its registry can be read", () => {
  const place = manifestAsk("registry.example:5000/a/b:1");
  expect(placeKey(place)).toBe("registry.example:5000/a/b");
  expect(registryOfKey(placeKey(place))).toBe("registry.example:5000");
  expect(placeNames(place)).toEqual({ registry: "registry.example:5000", repository: "a/b" });
});
