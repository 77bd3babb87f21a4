import { describe, expect, it } from "vitest";
import {
  authorityWarnings,
  composeAuthority,
  expiryWarnings,
} from "../../../src/app/compose/authority.ts";
import { namedRegistries } from "../../../src/app/settings/derived.ts";
import type { Settings } from "../../../src/app/settings/settings.ts";
import type { Authority } from "../../../src/doors/proxy/authority/ca.ts";
import { settingsWith } from "./composing.ts";

const own = { hosts: ["box.lan"], addresses: () => ["192.0.2.7"] };
const named = { INTERCEPT: "named", REGISTRIES: "registry.lan:5000 *.corp.example" };

async function authorityFor(environment: Readonly<Record<string, string>>) {
  const settings = await settingsWith(environment);
  const names = { ...own, named: namedRegistries(settings) };
  return { settings, authority: await composeAuthority(settings, names, Date.now) };
}

const warnings = (authority: Authority, settings: Settings) =>
  authorityWarnings(authority, settings, namedRegistries(settings));

describe("the CA", () => {
  it("made while only named registries are intercepted is good for those and for us alone", async () => {
    const { authority, settings } = await authorityFor({
      ...named,
      AUTH_REALMS: "registry.lan:5000=git.lan",
    });
    expect(authority.domains).toEqual(
      expect.arrayContaining(["registry.lan", "corp.example", "git.lan", "box.lan", "localhost"]),
    );
    expect(authority.domains).toEqual(
      expect.arrayContaining(["docker.io", "auth.docker.io", "gcr.io", "pkg.dev", "amazonaws.com"]),
    );
    expect(authority.domains?.filter((domain) => domain.includes("*"))).toEqual([]);
    expect(warnings(authority, settings)).toEqual([]);
  });

  it("is good for any host when registries are found by themselves", async () => {
    const { authority, settings } = await authorityFor({});
    expect(authority.domains).toBeUndefined();
    expect(warnings(authority, settings)).toEqual([]);
  });

  it("that was made before a registry was named is told of", async () => {
    const { authority, settings } = await authorityFor(named);
    const more = await settingsWith({
      ...named,
      REGISTRIES: `${named.REGISTRIES} new.example 10.0.0.7:5000`,
      DATA_DIR: settings.files.dataDir,
    });
    const [warning, ...others] = warnings(authority, more);
    expect(others).toEqual([]);
    expect(warning).toMatch(/made before new\.example was named; remove the folder ca/);
    const auto = await settingsWith({ INTERCEPT: "auto" });
    expect(warnings(authority, auto)).toEqual([expect.stringContaining("INTERCEPT=auto")]);
  });

  it("that ends soon is told of, from the day that was asked for", async () => {
    const { authority } = await authorityFor({});
    const left = (days: number) => authority.notAfter - days * 86_400_000;
    expect(expiryWarnings(authority, left(90), 90)).toEqual([]);
    expect(expiryWarnings(authority, left(89.5), 90)).toEqual([
      expect.stringMatching(/^the CA expires in 89 days; clients need a new one/),
    ]);
    expect(expiryWarnings(authority, left(1), 30).join()).toContain("in 1 day;");
    expect(expiryWarnings(authority, left(-1), 30).join()).toContain("the CA has expired");
  });
});
