import { hostname, type NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { composeListen, reachOf } from "../../../src/app/compose/listen.ts";
import { settingsWith } from "./composing.ts";

describe("where this process is reached", () => {
  it("knows its public ports, its names and the mirror's, and never dials its listeners", async () => {
    const settings = await settingsWith({
      PORT: "3200",
      TLS_PORT: "3201",
      MIRROR_HOSTS: "hub.example.com=docker.io",
    });
    const { hosts, publicPorts, listeners, addresses } = composeListen(settings);
    expect(publicPorts).toEqual(new Set([3200, 3201]));
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

  const networks = ["10.0.0.0/8", "192.168.0.0/16", "fc00::/7"];

  it.each([
    ["::", ["192.168.7.5", "10.0.0.5", "fd00::5", name]],
    ["0.0.0.0", ["192.168.7.5", "10.0.0.5", name]],
    ["10.0.0.5", ["10.0.0.5", name]],
    ["127.0.0.1", ["127.0.0.1"]],
    ["::1", ["::1"]],
  ])("when it listens on %s", (address, names) => {
    expect(reachOf(address, networks, interfaces)).toEqual({ names, warnings: [] });
  });

  it("is at least its name", () => {
    expect(reachOf("::", networks, {})).toEqual({ names: [name], warnings: [] });
  });

  it("leaves out addresses beside which nobody may come in", () => {
    expect(reachOf("::", ["10.0.0.0/8"], interfaces).names).toEqual(["10.0.0.5", name]);
  });

  it("tells of ALLOW_CLIENTS when nobody beside this machine may come in", () => {
    const cloud = { eth0: [{ ...one("203.0.113.5"), cidr: "203.0.113.5/24" }, one("fd00::5")] };
    expect(reachOf("0.0.0.0", networks, cloud).names).toEqual(["203.0.113.5", name]);
    expect(reachOf("::", networks, cloud)).toEqual({
      names: ["fd00::5", name],
      warnings: [
        'clients in the network of 203.0.113.5 are refused; ALLOW_CLIENTS="10.0.0.0/8 192.168.0.0/16 fc00::/7 203.0.113.0/24" would let them in',
      ],
    });
  });
});

function one(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { address, internal, netmask: "", mac: "", cidr: null };
  return address.includes(":")
    ? { ...rest, family: "IPv6", scopeid: 0 }
    : { ...rest, family: "IPv4" };
}
