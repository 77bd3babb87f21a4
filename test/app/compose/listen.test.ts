import { describe, expect, it } from "vitest";
import { composeListen } from "../../../src/app/compose/listen.ts";
import { settingsWith } from "./composing.ts";

describe("where this process is reached", () => {
  it("knows its public ports, its names and the mirror's, and never dials its listeners", async () => {
    const settings = await settingsWith({
      PORT: "3200",
      TLS_PORT: "3201",
      MIRROR_HOSTS: "hub.example.com=docker.io",
    });
    const { hosts, publicPorts, listeners, addresses } = composeListen(settings);
    expect(publicPorts).toEqual([3200, 3201]);
    expect(hosts).toContain("hub.example.com");
    expect(hosts.some((host) => host.endsWith(".local"))).toBe(true);
    expect(listeners().map(({ port }) => port)).toEqual([3200, 3201]);
    expect(addresses()).toContain("127.0.0.1");
  });
});
