import { expect, it } from "vitest";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";

it("an UpstreamError carries its code, its host and its cause", () => {
  const cause = new Error("below");
  const error = new UpstreamError("RESET", "reg.test:5000", "cut", { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "UpstreamError",
    code: "RESET",
    host: "reg.test:5000",
    cause,
  });
});
