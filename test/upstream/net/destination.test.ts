import { describe, expect, it } from "vitest";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { canonicalRegistry } from "../../../src/protocol/registry-name.ts";
import { type DestinationRules, Destinations } from "../../../src/upstream/net/destination.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

function destinations(rules: Partial<DestinationRules> = {}): Destinations {
  return new Destinations({
    named: [],
    allowedAddresses: [],
    tunnelPorts: [],
    ownListeners: () => [],
    ownAddresses: () => [],
    ...rules,
  });
}

function address(text: string) {
  const parsed = parseHostPort(text, 443);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

/** The sentence of the refusal, or undefined when it may be dialled. */
function refusal(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(UpstreamError);
    expect((error as UpstreamError).code).toBe("FORBIDDEN");
    const { message } = error as UpstreamError;
    expect(message).toMatch(/^[\x20-\x7e]{1,120}$/);
    return message;
  }
}

const registry = (text: string) => canonicalRegistry(text);

describe("destinations: ports", () => {
  it("lets every host have 443 and 80", () => {
    const rules = destinations();
    expect(refusal(() => rules.checkName(address("ghcr.io"), undefined))).toBeUndefined();
    expect(refusal(() => rules.checkName(address("ghcr.io:80"), undefined))).toBeUndefined();
  });

  it("names REGISTRIES and TUNNEL_PORTS to a tunnel that wants port 25", () => {
    const sentence = refusal(() => destinations().checkName(address("mail.example:25"), undefined));
    expect(sentence).toBe(
      "mail.example:25 is not a permitted port; add it to REGISTRIES, or its port to TUNNEL_PORTS, on the proxy",
    );
  });

  it("names REGISTRIES to a registry on an unusual port", () => {
    const here = address("registry.example:5000");
    const name = registry("registry.example:5000");
    const sentence = refusal(() => destinations().checkName(here, name));
    expect(sentence).toContain("add it to REGISTRIES on the proxy");
    const named = destinations({ named: ["registry.example:5000"] });
    expect(refusal(() => named.checkName(here, name))).toBeUndefined();
  });

  it("keeps tunnel ports for tunnels", () => {
    const rules = destinations({ tunnelPorts: [22] });
    const here = address("git.example:22");
    expect(refusal(() => rules.checkName(here, undefined))).toBeUndefined();
    expect(refusal(() => rules.checkName(here, registry("git.example:22")))).toBeDefined();
  });
});

describe("destinations: addresses", () => {
  it("dials whatever is public", () => {
    const check = () => destinations().checkAddress(address("ghcr.io"), "140.82.121.33", undefined);
    expect(refusal(check)).toBeUndefined();
  });

  it("says how a private registry becomes reachable", () => {
    const here = address("registry.lan:5000");
    const rules = destinations();
    const sentence = refusal(() => rules.checkAddress(here, "10.0.0.5", undefined));
    expect(sentence).toBe(
      "registry.lan:5000 is a private address; add it to REGISTRIES on the proxy",
    );
    const named = destinations({ named: ["registry.lan:5000"] });
    expect(refusal(() => named.checkAddress(here, "10.0.0.5", undefined))).toBeUndefined();
  });

  it("lets a named registry lead to its private storage, and nobody else", () => {
    const storage = address("minio.lan");
    const rules = destinations({ named: ["registry.lan"] });
    const check = (name: string) =>
      refusal(() => rules.checkAddress(storage, "10.0.0.6", registry(name)));
    expect(check("registry.lan")).toBeUndefined();
    expect(check("evil.example")).toContain("REGISTRIES");
  });

  it("says how loopback becomes reachable, even for a named registry", () => {
    const rules = destinations({ named: ["127.0.0.1"] });
    const sentence = refusal(() => rules.checkName(address("127.0.0.1"), undefined));
    expect(sentence).toBe(
      "127.0.0.1 is a loopback address; UPSTREAM_ALLOW_ADDRESSES=127.0.0.1 on the proxy would allow it",
    );
    const metadata = refusal(() => rules.checkName(address("169.254.169.254"), undefined));
    expect(metadata).toContain("UPSTREAM_ALLOW_ADDRESSES on the proxy");
    const allowing = destinations({ allowedAddresses: ["127.0.0.0/8"] });
    expect(refusal(() => allowing.checkName(address("127.0.0.1"), undefined))).toBeUndefined();
  });

  it("sees an allowed range in an IPv4-mapped spelling too", () => {
    const rules = destinations({ allowedAddresses: ["127.0.0.2"] });
    const check = (resolved: string) =>
      refusal(() => rules.checkAddress(address("cdn.test"), resolved, undefined));
    expect(check("::ffff:127.0.0.2")).toBeUndefined();
    expect(check("127.0.0.3")).toBeDefined();
  });

  it("takes this machine's public address for a private one", () => {
    const rules = destinations({ ownAddresses: () => ["203.0.113.9"] });
    const sentence = refusal(() =>
      rules.checkAddress(address("me.example"), "203.0.113.9", undefined),
    );
    expect(sentence).toContain("private");
  });

  it("cuts a long host name, not the sentence", () => {
    const long = address(`${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.example`);
    const sentence = refusal(() => destinations().checkAddress(long, "127.0.0.1", undefined));
    expect(sentence).toMatch(/^aaa.*\.\.\..*example is a loopback address; .* would allow it$/);
  });
});

describe("destinations: our own listeners", () => {
  const everywhere = destinations({
    named: ["me.lan:3128", "127.0.0.2:3128", "other.lan:3128"],
    allowedAddresses: ["0.0.0.0/0", "::/0"],
    ownListeners: () => [{ host: "::", port: 3128 }],
    ownAddresses: () => ["192.168.1.4", "fd00::4"],
  });

  it.each([
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "0.0.0.0",
    "::",
    "192.168.1.4",
    "::ffff:192.168.1.4",
    "fd00::4",
  ])("are never dialled at %s, whatever is allowed", (resolved) => {
    const check = () => everywhere.checkAddress(address("me.lan:3128"), resolved, undefined);
    expect(refusal(check)).toBe("me.lan:3128 is this proxy itself and is never dialled");
  });

  it("are not taken for the same port of another machine", () => {
    const check = () =>
      everywhere.checkAddress(address("other.lan:3128"), "192.168.1.5", undefined);
    expect(refusal(check)).toBeUndefined();
  });

  it("bound to one address leave the others alone", () => {
    const rules = destinations({
      allowedAddresses: ["127.0.0.0/8"],
      ownListeners: () => [{ host: "127.0.0.9", port: 443 }],
    });
    const check = (resolved: string) =>
      refusal(() => rules.checkAddress(address("up.test"), resolved, undefined));
    expect(check("127.0.0.1")).toBeUndefined();
    expect(check("127.0.0.9")).toBeDefined();
  });
});
