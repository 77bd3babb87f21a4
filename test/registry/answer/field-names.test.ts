import { describe, expect, it } from "vitest";
import { fieldName } from "../../../src/registry/answer/field-names.ts";

describe("a field name", () => {
  it.each([
    ["docker-content-digest", "Docker-Content-Digest"],
    ["etag", "ETag"],
    ["www-authenticate", "WWW-Authenticate"],
    ["oci-subject", "OCI-Subject"],
    ["x-request-id", "X-Request-Id"],
    ["constructor", "Constructor"],
    ["a_b", "A_b"],
  ])("%s is written %s", (name, written) => {
    expect(fieldName(name)).toBe(written);
  });
});
