import { expect, it } from "vitest";
import { UpstreamRefusal } from "../../src/upstream/upstream-refusal.ts";

it("a refusal carries the registry's answer", () => {
  const response = { status: 404, headers: new Map(), body: Buffer.from("no") };
  const refusal = new UpstreamRefusal(response);
  expect(refusal).toMatchObject({ name: "UpstreamRefusal", code: "REFUSED", response });
  expect(refusal.message).toBe("the registry answered 404");
});
