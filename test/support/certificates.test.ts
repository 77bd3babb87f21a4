import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { makeCertificate } from "./certificates.ts";

describe("a certificate made for a test", () => {
  it("names what was asked and is signed by its authority", () => {
    const made = makeCertificate(["registry.test", "127.0.0.1"]);
    const leaf = new X509Certificate(made.cert);
    expect(leaf.checkHost("registry.test")).toBe("registry.test");
    expect(leaf.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(leaf.verify(new X509Certificate(made.ca).publicKey)).toBe(true);
  });
});
