import { describe, expect, it } from "vitest";
import { problemsOf, settingsFrom } from "./loading.ts";

describe("who may come in, and where to", () => {
  it("is everybody in private networks, to public places", async () => {
    const { access } = await settingsFrom({});
    expect(access).toMatchObject({
      proxyAuth: undefined,
      maxConnectionsPerClient: 4_096,
      tunnel: "allow",
      tunnelPorts: [],
      upstreamAllowAddresses: [],
    });
    expect(access.allowClients).toContain("192.168.0.0/16");
    expect(access.allowClients).toContain("::1");
  });

  it("is narrowed by addresses, logins and ports", async () => {
    const { access } = await settingsFrom({
      ALLOW_CLIENTS: "10.0.0.7",
      PROXY_AUTH: "lab:one ci:two:three",
      TUNNEL_PORTS: "8443",
    });
    expect(access).toMatchObject({
      allowClients: ["10.0.0.7"],
      proxyAuth: ["lab:one", "ci:two:three"],
      tunnelPorts: [8443],
    });
  });

  it("does not take a login without a password", async () => {
    expect(await problemsOf({ environment: { PROXY_AUTH: "CANARY-lab" } })).toEqual([
      "PROXY_AUTH has a login without a password; write user:password",
    ]);
  });
});
