import { describe, expect, it } from "vitest";
import { problemsOf, settingsFrom } from "./loading.ts";

describe("the way out", () => {
  it("is direct and checked", async () => {
    const { upstream } = await settingsFrom({});
    expect(upstream).toEqual({
      ca: [],
      unverified: [],
      family: "auto",
      httpsProxy: undefined,
      httpProxy: undefined,
      noProxy: "",
    });
  });

  it("leads through the proxy of the machine, lower case first as curl has it", async () => {
    const { upstream } = await settingsFrom({
      https_proxy: "http://lower:8080",
      HTTPS_PROXY: "http://upper:8080",
      HTTP_PROXY: "http://plain:8080",
      no_proxy: "lan,10.0.0.0/8",
    });
    expect(upstream.httpsProxy?.address).toEqual({ host: "lower", port: 8080 });
    expect(upstream.httpProxy?.address).toEqual({ host: "plain", port: 8080 });
    expect(upstream.noProxy).toBe("lan,10.0.0.0/8");
  });

  it("does not say the password of a proxy it cannot read", async () => {
    const problems = await problemsOf({ environment: { HTTPS_PROXY: "socks://u:CANARY-p@x" } });
    expect(problems).toEqual([
      "HTTPS_PROXY is not a proxy's address; write a proxy such as http://proxy.example:8080 or http://user:password@proxy.example:8080",
    ]);
  });
});
