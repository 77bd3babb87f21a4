import { describe, expect, it } from "vitest";
import { printBanner } from "../../src/app/banner.ts";

describe("the banner", () => {
  it("says where it listens, whom to trust and what to paste", () => {
    const text = printBanner({
      listening: [
        { door: "clients", host: "::", port: 3130 },
        { door: "admin", host: "127.0.0.1", port: 3129 },
      ],
      fingerprint: "AB:CD",
      names: ["192.168.7.5", "fd00::5", "proxy.lan"],
      warnings: ["clients may come from anywhere"],
    });
    expect(text).toBe(`Entrepot listens
  clients     [::]:3130
  back office 127.0.0.1:3129
Clients reach it at
  http://192.168.7.5:3130
  http://[fd00::5]:3130
  http://proxy.lan:3130
Its CA, SHA-256
  AB:CD
On a client with Docker, paste
  curl -fsS http://192.168.7.5:3130/setup/docker -o setup-entrepot.sh
  less setup-entrepot.sh
  sudo bash setup-entrepot.sh
For other clients, open http://192.168.7.5:3130/ in a browser
Mind: clients may come from anywhere
`);
  });

  it("names what PUBLIC_URL says and no address of a container", () => {
    const text = printBanner({
      listening: [{ door: "clients", host: "::", port: 3128 }],
      fingerprint: "AB:CD",
      publicUrl: "https://mirror.example.com/",
      names: ["172.18.0.2", "3f2a"],
      warnings: [],
    });
    expect(text).toContain("Clients reach it at\n  https://mirror.example.com\n");
    expect(text).toContain("curl -fsS https://mirror.example.com/setup/docker -o");
    expect(text).not.toContain("172.18.0.2");
  });

  it("quotes what a shell would take for a pattern", () => {
    const text = printBanner({
      listening: [{ door: "clients", host: "::", port: 3128 }],
      fingerprint: "AB:CD",
      publicUrl: undefined,
      names: ["fd00::2"],
      warnings: [],
    });
    expect(text).toContain("\n  curl -fsS 'http://[fd00::2]:3128/setup/docker' -o");
  });
});
