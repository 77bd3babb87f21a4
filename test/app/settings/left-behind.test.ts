import { describe, expect, it } from "vitest";
import { leftBehind } from "../../../src/app/settings/left-behind.ts";

describe("variables of docker-registry-proxy without a meaning here", () => {
  it.each([
    ["ENABLE_MANIFEST_CACHE", "true", "TAG_TTL"],
    ["DISABLE_IPV6", "true", "UPSTREAM_FAMILY=4"],
    ["CA_CRT_FILE", "/ca/ca.crt", "CA_CERT"],
    ["CA_KEY_FILE", "/ca/ca.key", "CA_KEY"],
  ])("%s=%s is told of, and that %s does it", (name, value, successor) => {
    const sentences = leftBehind({ [name]: value, PATH: "/bin" });
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toContain(`${name} has no effect here; ${successor}`);
  });

  it("with values that change nothing are not worth a word", () => {
    const proxy = { ENABLE_MANIFEST_CACHE: "false", DISABLE_IPV6: "false", CA_KEY_FILE: "" };
    expect(leftBehind({ ...proxy, MANIFEST_CACHE_DEFAULT_TIME: "1h", DEBUG: "true" })).toEqual([]);
  });
});
