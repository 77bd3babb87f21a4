import { describe, expect, it } from "vitest";
import { settingsFrom } from "./loading.ts";

describe("the listeners", () => {
  it("are one, on every address", async () => {
    const { listen } = await settingsFrom({});
    expect(listen).toEqual({
      host: "::",
      port: 3128,
      publicUrl: undefined,
      adminHost: "127.0.0.1",
      adminPort: 3129,
      adminToken: undefined,
      adminReadToken: undefined,
      adminHosts: [],
      tlsPort: undefined,
      tlsCert: undefined,
      tlsKey: undefined,
      trustedProxies: [],
    });
  });

  it("take addresses, ports and proxies to trust", async () => {
    const { listen } = await settingsFrom({
      HOST: "127.0.0.1",
      PORT: "8080",
      TRUSTED_PROXIES: "10.1.0.0/16 fd00::1",
    });
    expect(listen).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      trustedProxies: ["10.1.0.0/16", "fd00::1"],
    });
  });
});
