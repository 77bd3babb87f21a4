import { describe, expect, it } from "vitest";
import {
  canonicalRegistry,
  registryAddress,
  registryNameOf,
} from "../../src/protocol/registry-name.ts";

describe("a registry's name", () => {
  it.each([
    ["docker.io", "docker.io"],
    ["index.docker.io", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
    ["REGISTRY-1.Docker.IO.:443", "docker.io"],
    ["ghcr.io", "ghcr.io"],
    ["ghcr.io:443", "ghcr.io"],
    ["ghcr.io.", "ghcr.io"],
    ["registry.corp.example:8443", "registry.corp.example:8443"],
    ["10.0.0.5:5000", "10.0.0.5:5000"],
    ["[::1]:5000", "[::1]:5000"],
    ["[0:0::1]", "[::1]"],
    // Another port of Docker Hub's host is not Docker Hub.
    ["registry-1.docker.io:8443", "registry-1.docker.io:8443"],
    ["auth.docker.io", "auth.docker.io"],
    ["xdocker.io", "xdocker.io"],
  ])("%s is %s", (text, name) => {
    expect(canonicalRegistry(text)).toBe(name);
  });

  it.each(["", ":443", "a:0", "a:65536", "a:b", "http://a", "a/b", "a b", "user@a", "127.1"])(
    "is not made of %j",
    (text) => {
      expect(canonicalRegistry(text)).toBeUndefined();
    },
  );

  it("keeps port 80 when the default is another", () => {
    expect(canonicalRegistry("registry.lan", 80)).toBe("registry.lan:80");
  });

  it("leads to where the API answers", () => {
    const hub = registryNameOf({ host: "index.docker.io", port: 443 });
    expect(registryAddress(hub)).toEqual({ host: "registry-1.docker.io", port: 443 });
    const own = registryNameOf({ host: "::1", port: 5000 });
    expect(own).toBe("[::1]:5000");
    expect(registryAddress(own)).toEqual({ host: "::1", port: 5000 });
  });
});
