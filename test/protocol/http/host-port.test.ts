import { describe, expect, it } from "vitest";
import { formatHostPort, isAddress, parseHostPort } from "../../../src/protocol/http/host-port.ts";

const label63 = "a".repeat(63);
/** 253 characters: three labels of 63 and one of 61. */
const name253 = [label63, label63, label63, "a".repeat(61)].join(".");

describe("host and port", () => {
  it.each([
    ["ghcr.io:443", "ghcr.io", 443],
    ["GHCR.IO:443", "ghcr.io", 443],
    ["ghcr.io.:443", "ghcr.io", 443],
    ["localhost:5000", "localhost", 5000],
    ["a--b.example:1", "a--b.example", 1],
    ["xn--bcher-kva.example:65535", "xn--bcher-kva.example", 65_535],
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["127.0.0.1.:80", "127.0.0.1", 80],
    ["[::1]:443", "::1", 443],
    ["[::FFFF:7F00:1]:443", "::ffff:7f00:1", 443],
    ["[::ffff:127.0.0.1]:443", "::ffff:7f00:1", 443],
    ["[0:0:0:0:0:0:0:0]:443", "::", 443],
    [`${name253}:443`, name253, 443],
    ["1a.2b:443", "1a.2b", 443],
    ["9.example:443", "9.example", 443],
    ["a_b._tcp.example:443", "a_b._tcp.example", 443],
  ])("%s is read", (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  it.each([
    ["an IPv4 address in hexadecimal", "0x7f.1:443"],
    ["one hexadecimal number", "0x7f000001:443"],
    ["0x alone", "a.0x:443"],
    ["an IPv4 address of two numbers", "127.1:443"],
    ["an IPv4 address of one number", "2130706433:443"],
    ["an IPv4 address in octal", "0177.0.0.1:443"],
    ["an IPv4 address with leading zeros", "127.0.0.01:443"],
    ["an IPv4 address out of range", "256.0.0.1:443"],
    ["five numbers", "1.2.3.4.5:443"],
    ["a name that ends in a number", "evil.1:443"],
    ["circled digits", "①②⑦.0.0.1:443"],
    ["ideographic full stops", "169。254。169。254:443"],
    ["a full-width dot", "169．254．169．254:443"],
    ["a half-width ideographic dot", "ghcr｡io:443"],
    ["letters that are not ASCII", "bücher.example:443"],
    ["a Kelvin sign", "\u212Aube.example:443"],
    ["two trailing dots", "ghcr.io..:443"],
    ["an empty label", "ghcr..io:443"],
    ["a leading dot", ".ghcr.io:443"],
    ["a dot alone", ".:443"],
    ["a label of 64 characters", `${"a".repeat(64)}.example:443`],
    ["a name of 254 characters", `a${name253}:443`],
    ["a label that begins with a hyphen", "-a.example:443"],
    ["a label that ends with a hyphen", "a-.example:443"],
    ["a NUL", "ghcr.io\0:443"],
    ["a space", "ghcr.io :443"],
    ["a line feed", "ghcr.io\n:443"],
    ["a login", "user@ghcr.io:443"],
    ["a path", "ghcr.io/v2:443"],
    ["a percent sign", "ghcr%2eio:443"],
    ["IPv6 without brackets", "::1:443"],
    ["IPv6 with a zone", "[fe80::1%eth0]:443"],
    ["a name in brackets", "[ghcr.io]:443"],
    ["IPv4 in brackets", "[127.0.0.1]:443"],
    ["unclosed brackets", "[::1:443"],
    ["port 0", "ghcr.io:0"],
    ["port 65536", "ghcr.io:65536"],
    ["a signed port", "ghcr.io:+443"],
    ["a port in hexadecimal", "ghcr.io:0x1bb"],
    ["a port of six digits", "ghcr.io:000443"],
    ["an empty port", "ghcr.io:"],
    ["nothing before the port", ":443"],
    ["nothing", ""],
    ["no port", "ghcr.io"],
  ])("with %s is refused", (_, text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });

  it("takes the default port where none is given", () => {
    expect(parseHostPort("ghcr.io", 443)).toEqual({ host: "ghcr.io", port: 443 });
    expect(parseHostPort("[::1]", 80)).toEqual({ host: "::1", port: 80 });
  });

  it("prints back with brackets around IPv6 and without the default port", () => {
    expect(formatHostPort({ host: "::1", port: 5000 })).toBe("[::1]:5000");
    expect(formatHostPort({ host: "::1", port: 443 }, 443)).toBe("[::1]");
    expect(formatHostPort({ host: "ghcr.io", port: 443 }, 443)).toBe("ghcr.io");
    expect(formatHostPort({ host: "ghcr.io", port: 80 }, 443)).toBe("ghcr.io:80");
  });

  it("tells addresses from names", () => {
    expect(["127.0.0.1", "::1", "::ffff:7f00:1"].every(isAddress)).toBe(true);
    expect(["localhost", "ghcr.io", "1a.2b"].some(isAddress)).toBe(false);
  });
});
