import { expect, it } from "vitest";
import { splitTarget } from "../../../src/protocol/http/target.ts";

it.each([
  ["/v2/", "/v2/", ""],
  ["/v2/?", "/v2/", ""],
  ["/v2/a?b=c?d", "/v2/a", "b=c?d"],
])("the target %s is split at its first question mark", (target, path, query) => {
  expect(splitTarget(target)).toEqual({ path, query });
});
