import { hostname, type NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { composeListen, namesFor } from "../../../src/app/compose/listen.ts";
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

describe("what clients may call this machine", () => {
  const interfaces = {
    lo: [one("127.0.0.1", true), one("::1", true)],
    docker0: [one("172.17.0.1")],
    eth0: [one("fe80::1"), one("fd00::5"), one("192.168.7.5")],
    "br-4f2a": [one("172.18.0.1")],
    eth1: [one("169.254.3.4"), one("10.0.0.5")],
  };
  const name = hostname().toLowerCase();

  it.each([
    ["::", ["192.168.7.5", "10.0.0.5", "fd00::5", name]],
    ["0.0.0.0", ["192.168.7.5", "10.0.0.5", name]],
    ["10.0.0.5", ["10.0.0.5", name]],
    ["127.0.0.1", ["127.0.0.1"]],
    ["::1", ["::1"]],
  ])("when it listens on %s", (address, names) => {
    expect(namesFor(address, interfaces)).toEqual(names);
  });

  it("is at least its name", () => {
    expect(namesFor("::", {})).toEqual([name]);
  });
});

function one(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { address, internal, netmask: "", mac: "", cidr: null };
  return address.includes(":")
    ? { ...rest, family: "IPv6", scopeid: 0 }
    : { ...rest, family: "IPv4" };
}
